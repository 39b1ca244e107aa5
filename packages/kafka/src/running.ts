// What is being processed right now: helpers called in a handler find its span here instead of opening a second one.
//
// A list that its members are woven into. A map from message to span, weak or not, and a value in the context, were both
// measured to cost more for every message than looking through the list costs for the few whose handlers ask.
import type { Span } from '@opentelemetry/api'

export interface Running {
  /** The message or batch; undefined once it is done. */
  subject: object | undefined
  readonly span: Span
  before: Running | undefined
  after: Running | undefined
}

/** Shared by all copies of this package. */
export interface RunningList {
  first: Running | undefined
  last: Running | undefined
  size: number
  /** Made when somebody asks while the list is long, and kept up to date from then on. */
  index: Map<object, Running> | undefined
}

const longList = 64
/** Beyond this the oldest are forgotten: handlers that never come back must not be kept for it. */
const mostRunning = 10_000

export function newRunningList(): RunningList {
  return { first: undefined, last: undefined, size: 0, index: undefined }
}

export function enter(list: RunningList, one: Running): void {
  const { first } = list
  one.after = first
  if (first) first.before = one
  else list.last = one
  list.first = one
  list.size++
  if (list.index && one.subject) list.index.set(one.subject, one)
  if (list.size > mostRunning && list.last) leave(list, list.last)
}

export function leave(list: RunningList, one: Running): void {
  const { before, after, subject } = one
  // Forgotten already, or never there.
  if (!before && list.first !== one) return
  if (before) before.after = after
  else list.first = after
  if (after) after.before = before
  else list.last = before
  one.before = one.after = undefined
  list.size--
  if (list.index && subject && list.index.get(subject) === one) list.index.delete(subject)
}

export function find(list: RunningList, subject: object): Span | undefined {
  if (list.size > longList) {
    list.index ??= buildIndex(list)
    return list.index.get(subject)?.span
  }
  list.index = undefined
  for (let one = list.first; one; one = one.after) if (one.subject === subject) return one.span
  return undefined
}

function buildIndex(list: RunningList): Map<object, Running> {
  const index = new Map<object, Running>()
  for (let one = list.first; one; one = one.after) if (one.subject) index.set(one.subject, one)
  return index
}
