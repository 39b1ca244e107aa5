// Loaded when OTEL_CONFIG_FILE is set: the YAML parser is in here.
export { parseConfigFile } from './file.ts'
