/**
 * Value guard: sets the values of a context, and keeps it from growing.
 *
 * A context is copied to every service that a request reaches. It is for references, such as `order-ref`, not for the order.
 *
 * Invariants
 *  (1) In `enforce`, no value that is too large, of another type or undeclared gets into a context through the guard.
 *  (2) In `observe`, all do that are declared, and those that would have been refused are counted and told.
 *
 * @module
 */

import {
  callHook,
  type Context,
  type ContextKey,
  type Enforcement,
  enforcements,
  integerInRange,
  isFunction,
  nameErrorClass,
  oneOf,
  ResilienceError,
  withKnown,
} from '@holdfast/core';

import { type ContextField, DEFAULT_MAX_BYTES, type FieldValue, textOfField } from './context-field.ts';
import { type ContextFields, type ContextSchema, requireSchema } from './context-schema.ts';
import { sizeOfValues } from './value-size.ts';

/** Options of {@link createValueGuard}. Omitted ones take {@link valueGuardDefaults}. */
export interface ValueGuardOptions<F extends ContextFields = ContextFields> {
  /** The values that may be set. */
  readonly schema: ContextSchema<F>;
  /** Bytes of all values with their names. Integer, 0 to 8192. @defaultValue 512 */
  readonly maxBytes?: number;
  /**
   * `enforce` refuses what is too large; `observe` lets it pass, counts it and tells `onRefusal`; `off` only sets.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
  /** Told of each refusal, also of those that are only observed. */
  readonly onRefusal?: (refusal: ContextValueError) => unknown;
}

/** Every default of {@link createValueGuard}, in one place. */
export const valueGuardDefaults: { readonly maxBytes: number; readonly enforcement: Enforcement } = Object.freeze({
  maxBytes: 512,
  enforcement: 'enforce',
});

/** Values by the names of their fields. */
export type ContextValuesOf<F extends ContextFields> = { readonly [N in keyof F]?: FieldValue<F[N]> | undefined };

/** Sets values. */
export interface ValueGuard<F extends ContextFields = ContextFields> {
  /**
   * Derives a context with `values`; undefined hides what is above, which is never refused: it makes a context smaller.
   *
   * @throws ContextValueError when a value is too large for its field, or of another type, or all are too large together.
   * @throws TypeError when the schema has no such field.
   */
  withValues(context: Context, values: ContextValuesOf<F>): Context;
  /** Bytes of the names and values of `context`, as they travel. */
  sizeOf(context: Context): number;
  /** How often a value was refused, or would have been. */
  readonly refusedCount: number;
}

/** A value may not be in a context. */
export class ContextValueError extends ResilienceError {
  readonly code = 'CONTEXT_VALUE_REFUSED';
  /** Name of the field; undefined where it is all values together. */
  readonly field: string | undefined;
  readonly reason: 'too-large' | 'malformed';
  /** Its size as it would travel; undefined where it cannot. Bytes. */
  readonly sizeBytes: number | undefined;

  constructor(field: string | undefined, sizeBytes: number | undefined, maxBytes: number) {
    const what = field === undefined ? 'the values of a context' : `the value of ${field}`;
    super(
      sizeBytes === undefined
        ? `${what} is not of the type of its field, or has control characters`
        : `${what} may have ${maxBytes} bytes, got ${sizeBytes}; put data in a store, and its reference in the context`,
    );
    this.field = field;
    this.reason = sizeBytes === undefined ? 'malformed' : 'too-large';
    this.sizeBytes = sizeBytes;
  }
}

/**
 * Creates a guard. It holds a count only: one serves any number of requests.
 *
 * @throws ConfigError when an option is out of range.
 */
export function createValueGuard<F extends ContextFields>(options: ValueGuardOptions<F>): ValueGuard<F> {
  const { schema, maxBytes, enforcement, onRefusal } = resolve(options);
  let refusedCount = 0;
  const refuse = (refusal: ContextValueError | undefined): void => {
    if (refusal === undefined) return;
    refusedCount++;
    callHook('onRefusal', undefined, () => onRefusal?.(refusal));
    if (enforcement === 'enforce') throw refusal; // (1)
  };

  return Object.freeze({
    withValues(context: Context, values: ContextValuesOf<F>): Context {
      let derived = context;
      let isAdding = false;
      for (const [name, value] of Object.entries(values)) {
        const field = requireField(schema, name);
        isAdding ||= value !== undefined;
        if (enforcement !== 'off' && value !== undefined) refuse(refusalOf(name, field, value));
        derived = derived.withValue(schema.keys[name] as ContextKey<unknown>, value);
      }
      const sizeBytes = enforcement === 'off' || !isAdding ? 0 : sizeOfValues(schema, derived);
      if (sizeBytes > maxBytes) refuse(new ContextValueError(undefined, sizeBytes, maxBytes));
      return derived;
    },
    sizeOf: (context: Context): number => sizeOfValues(schema, context),
    get refusedCount() {
      return refusedCount;
    },
  });
}

// --- internal ---

nameErrorClass(ContextValueError, 'ContextValueError');

function resolve<F extends ContextFields>(options: ValueGuardOptions<F>) {
  const resolved = withKnown('guard', valueGuardDefaults, options, ['schema', 'onRefusal']);
  requireSchema('guard.schema', resolved.schema);
  integerInRange('guard.maxBytes', resolved.maxBytes, [0, 8192]);
  oneOf('guard.enforcement', resolved.enforcement, enforcements);
  if (resolved.onRefusal !== undefined) isFunction('guard.onRefusal', resolved.onRefusal);
  return resolved;
}

function requireField({ fields }: ContextSchema, name: string): ContextField {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field !== undefined) return field;
  throw new TypeError(`the schema has no field ${JSON.stringify(name)}; it has ${Object.keys(fields).join(', ')}`);
}

function refusalOf(name: string, field: ContextField, value: unknown): ContextValueError | undefined {
  const maxBytes = field.maxBytes ?? DEFAULT_MAX_BYTES;
  const sizeBytes = textOfField(field, value)?.length;
  return sizeBytes !== undefined && sizeBytes <= maxBytes
    ? undefined
    : new ContextValueError(name, sizeBytes, maxBytes);
}
