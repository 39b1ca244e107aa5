// Which failures are none: a real part whose toolchain is not on this machine (`MissingToolchain`, test/real/parts/install.ts)
// skips its tests. Aloud: what is missing and how many tests it takes with it.

/**
 * @param {{ testResults: { assertionResults: { status: string, failureMessages: string[] }[] }[] }} report jest's, as JSON
 * @returns {Map<string, number>} what is missing ("the Collector needs Go (1.26+)") -> tests that could not run
 */
export function countMissing(report) {
  const missing = new Map()
  for (const { status, failureMessages } of report.testResults.flatMap(file => file.assertionResults)) {
    if (status !== 'failed') continue
    // What is said beside it follows from it: the test itself was not run.
    const what = /\bMissingToolchain: (.+)/.exec(failureMessages.join('\n'))?.[1]
    if (what !== undefined) missing.set(what, (missing.get(what) ?? 0) + 1)
  }
  return missing
}
