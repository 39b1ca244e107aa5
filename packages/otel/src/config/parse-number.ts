import type { Parse, Parsed } from './parse.ts'

function toNumber(text: string): number {
  return text === '' ? Number.NaN : Number(text)
}

export function parseRatio(text: string): Parsed<number> {
  const value = toNumber(text)
  return value >= 0 && value <= 1 ? { value } : { fault: 'expected a number from 0 to 1' }
}

/** Milliseconds, whole, zero allowed. `5s` is understood well enough to say what to write. */
export function parseDurationMs(text: string): Parsed<number> {
  const value = toNumber(text)
  if (value >= 0 && Number.isFinite(value)) return { value: Math.round(value) }
  return { fault: `expected milliseconds${hintMs(text)}` }
}

/** Milliseconds above zero: a timeout of zero would end every request before it starts. */
export function parseTimeoutMs(text: string): Parsed<number> {
  const value = toNumber(text)
  if (value > 0 && Number.isFinite(value)) return { value: Math.round(value) }
  return { fault: `expected milliseconds above 0${hintMs(text)}` }
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
}

function hintMs(text: string): string {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|sec|m|min|h)$/i.exec(text)
  return match ? ` without a unit, as ${Number(match[1]) * unitMs[match[2]!.toLowerCase()]!}` : ''
}

export function parseCount(min: number): Parse<number> {
  return text => {
    const value = toNumber(text)
    return Number.isSafeInteger(value) && value >= min
      ? { value }
      : { fault: `expected a whole number, ${min} or more` }
  }
}

/** A rate above zero; fractions are allowed. */
export function parseRate(text: string): Parsed<number> {
  const value = toNumber(text)
  return value > 0 && Number.isFinite(value) ? { value } : { fault: 'expected a number above 0' }
}

export function parsePort(text: string): Parsed<number> {
  const value = toNumber(text)
  return Number.isInteger(value) && value >= 0 && value <= 65535
    ? { value }
    : { fault: 'expected a port from 0 to 65535' }
}

const byteUnits: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** `16777216`, `16MiB`, `16M`. Units are powers of 1024. */
export function parseBytes(text: string): Parsed<number> {
  const match = /^(\d+)\s*([kmg]?)(?:i?b)?$/i.exec(text)
  const value = match ? Number(match[1]) * byteUnits[match[2]!.toLowerCase()]! : Number.NaN
  return Number.isSafeInteger(value) ? { value } : { fault: 'expected bytes, such as 16777216 or 16MiB' }
}
