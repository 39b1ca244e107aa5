import { findUnstarted } from './unstarted.ts'

test.each<[string[], string | undefined, string | undefined]>([
  [['--require', '@org/otel'], undefined, '--require @org/otel'],
  [['-r', '@org/otel'], undefined, '-r @org/otel'],
  [['--import=@org/otel'], undefined, '--import=@org/otel'],
  [[], '--max-old-space-size=512 --require "@org/otel" --enable-source-maps', '--require "@org/otel"'],
  [[], '--require /srv/node_modules/@org/otel', '--require /srv/node_modules/@org/otel'],
  [['--require', '@org/otel/register'], undefined, undefined],
  [['--require', '@org/otel', '--require', '@org/otel/register'], undefined, undefined],
  [['--require', '@org/otel-kafka'], undefined, undefined],
  [['--import', './telemetry.mjs'], '', undefined],
  [[], undefined, undefined],
])('%j and NODE_OPTIONS=%j: %j', (execArgv, nodeOptions, expected) => {
  expect(findUnstarted(execArgv, nodeOptions)).toBe(expected)
})
