// NODE_OPTIONS names this file by its absolute path, so it is found from any working directory and whatever the
// service has in its own node_modules.
require('@org/otel/register')
