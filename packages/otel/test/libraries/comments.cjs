// The trace goes to the database.
'use strict'
globalThis.LIBRARY_OPTIONS = {
  pg: { addSqlCommenterCommentToQueries: true, enableTraceContextPropagation: true },
}
