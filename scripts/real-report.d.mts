export function countMissing(report: {
  testResults: { assertionResults: { status: string; failureMessages: string[] }[] }[]
}): Map<string, number>
