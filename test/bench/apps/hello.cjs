require('./report-start.cjs')
