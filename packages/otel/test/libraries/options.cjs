// Options that both understand, and ours at upstream's defaults. Functions cannot be handed over in the environment.
'use strict'
globalThis.LIBRARY_OPTIONS = {
  express: {
    middlewareSpans: true,
    requestHandlerSpans: true,
    ignoreLayers: ['middleware - query', /^middleware - json/],
    requestHook: (span, { layerType, route }) =>
      span.setAttributes({ 'hook.type': layerType, 'hook.route': route }),
    spanNameHook: (info, name) => (info.layerType === 'middleware' ? `mw ${name}` : name),
  },
  pg: {
    connectSpans: true,
    keepLiterals: true,
    enhancedDatabaseReporting: true,
    requireParentSpan: true,
    requestHook: (span, info) =>
      span.setAttribute('hook.request', JSON.stringify(info).replace(/"port":\d+/, '')),
    responseHook: (span, { data }) => span.setAttribute('hook.response', `${data.command} ${data.rowCount}`),
    connectionHook: (span, info) =>
      span.setAttribute('hook.connection', JSON.stringify(info).replace(/"port":\d+/, '')),
  },
}
