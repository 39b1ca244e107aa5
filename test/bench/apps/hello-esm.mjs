import './report-start.cjs'
