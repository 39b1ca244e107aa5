// Loaded when a cloud is named in OTEL_NODE_RESOURCE_DETECTORS: upstream's detectors are in here.
export { lookupCloudResource } from './resource.ts'
