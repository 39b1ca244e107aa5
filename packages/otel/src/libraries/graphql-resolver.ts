// The resolvers of a schema, watched: each call is counted on the field's span. Arguments, `this`, results and errors are
// the application's; the promise of a resolver is handed on as it is.
import { types } from 'node:util'
import { context, createContextKey } from '@opentelemetry/api'
import { swallow } from '../self/guard.ts'
import type { Field, Operation, ResolveInfo } from './graphql-operation.ts'

export const OPERATION = createContextKey('org.otel.graphql.operation')

type Resolve = (this: unknown, ...args: any[]) => any

interface FieldDefinition {
  resolve?: unknown
}
interface NamedType {
  readonly name: string
  getFields?(): Record<string, FieldDefinition>
}
export interface Schema {
  getTypeMap(): Record<string, NamedType>
}

const watchedSchemas = new WeakSet<object>()
const watching = new WeakMap<Resolve, Resolve>()
const watchers = new WeakSet<Resolve>()

/** Puts watchers in front of the resolvers of a schema, once. */
export function watchSchema(schema: Schema, defaultResolver: unknown, wantsTrivial: boolean): void {
  if (watchedSchemas.has(schema)) return
  watchedSchemas.add(schema)
  for (const type of Object.values(schema.getTypeMap())) {
    if (typeof type.getFields !== 'function' || type.name.startsWith('__')) continue
    for (const field of Object.values(type.getFields()))
      if (typeof field.resolve === 'function')
        field.resolve = watchResolver(field.resolve as Resolve, defaultResolver, wantsTrivial)
  }
}

export function watchResolver(resolve: Resolve, defaultResolver: unknown, wantsTrivial: boolean): Resolve {
  if (watchers.has(resolve)) return resolve
  const known = watching.get(resolve)
  if (known !== undefined) return known
  const isDefault = resolve === defaultResolver && !wantsTrivial

  const watched = function (this: unknown, ...args: any[]): any {
    const operation = context.active().getValue(OPERATION) as Operation | undefined
    if (operation === undefined) return resolve.apply(this, args)
    const source = args[0]
    const info = args[3] as ResolveInfo
    if (isDefault) {
      // The default resolver reads the property and calls it when it is a function: what it reads is not read twice.
      if ((typeof source !== 'object' && typeof source !== 'function') || source === null)
        return resolve.apply(this, args)
      const property = source[info.fieldName]
      if (typeof property !== 'function') return property
    }
    let field: Field | undefined
    try {
      field = operation.find(info.path)
    } catch (error) {
      swallow('graphql field', error)
      return resolve.apply(this, args)
    }
    if (!isDefault && !wantsTrivial && field.context === undefined) {
      const property = peek(source, info.fieldName)
      if (property !== undefined)
        return runUnlessTrivial(operation, field, property.value, resolve, this, args)
    }
    return run(operation, field, resolve, this, args)
  }
  for (const name of ['name', 'length'] as const)
    Object.defineProperty(watched, name, { configurable: true, value: resolve[name] })
  watching.set(resolve, watched)
  watchers.add(watched)
  return watched
}

function run(operation: Operation, field: Field, resolve: Resolve, self: unknown, args: any[]): any {
  const inside = operation.enter(field, args[3])
  let result: any
  field.pending++
  try {
    result = context.with(inside, () => resolve.apply(self, args))
  } catch (error) {
    field.pending--
    operation.fail(field, error)
    throw error
  }
  return settle(operation, field, result)
}

// Servers put resolvers of their own in front of all fields. One that gives what is there to be read has done nothing
// worth a span; which it is, is known afterwards.
function runUnlessTrivial(
  operation: Operation,
  field: Field,
  value: unknown,
  resolve: Resolve,
  self: unknown,
  args: any[],
): any {
  const startMs = performance.now()
  let result: any
  try {
    result = resolve.apply(self, args)
  } catch (error) {
    operation.enter(field, args[3], startMs)
    operation.fail(field, error)
    throw error
  }
  if (result === value) return result
  operation.enter(field, args[3], startMs)
  field.pending++
  return settle(operation, field, result)
}

function settle(operation: Operation, field: Field, result: any): any {
  if (typeof result?.then !== 'function') {
    field.pending--
    operation.succeed(field)
    return result
  }
  const succeed = (value: unknown): unknown => {
    field.pending--
    operation.succeed(field)
    return value
  }
  const fail = (error: unknown): void => {
    field.pending--
    operation.fail(field, error)
  }
  if (types.isPromise(result)) {
    result.then(succeed, fail)
    return result
  }
  // A query builder starts when `then` is called, and starts again when it is called again.
  return result.then(succeed, (error: unknown) => {
    fail(error)
    throw error
  })
}

/** A plain property that is no function; getters are not asked. */
function peek(source: unknown, name: string): { readonly value?: unknown } | undefined {
  if (typeof source !== 'object' || source === null || types.isProxy(source)) return undefined
  const property = Object.getOwnPropertyDescriptor(source, name)
  if (property === undefined || !('value' in property) || typeof property.value === 'function')
    return undefined
  return property
}
