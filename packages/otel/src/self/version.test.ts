import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sdkVersion, version } from './version.ts'

function readVersion(path: string): string {
  return JSON.parse(readFileSync(path, 'utf8')).version
}

test('the version we report is the one of the package', () => {
  expect(version).toBe(readVersion(join(__dirname, '../../package.json')))
})

test('the SDK version we report is the one of the OpenTelemetry core we bundle', () => {
  const entry = require.resolve('@opentelemetry/core')
  const root = entry.slice(0, entry.lastIndexOf('/core/') + '/core'.length)
  expect(sdkVersion).toBe(readVersion(join(root, 'package.json')))
})
