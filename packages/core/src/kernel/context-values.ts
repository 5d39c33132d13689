/**
 * Context values: what a context carries for one request, under typed keys: a list that derived contexts share.
 *
 * @module
 */

/** A typed key of a context's values. Two keys are never equal, whatever their names. */
export interface ContextKey<T> {
  /** For people; two keys may share it. */
  readonly name: string;
  /** Carries the type only; never present. */
  readonly valueType?: T;
}

/** Makes a key for {@link Context.withValue}. Keep it in a module and export what reads and writes it. */
export function contextKey<T>(name: string): ContextKey<T> {
  return Object.freeze({ name });
}

/** Makes a key for what is true of a call only: work that is cut loose by {@link Context.withoutCancel} has no value for it. */
export function callKey<T>(name: string): ContextKey<T> {
  const key: CallKey<T> = { name, isOfCall: true };
  return Object.freeze(key);
}

/** A value, and those that were set before it. */
export interface ContextValues {
  readonly key: ContextKey<unknown>;
  readonly value: unknown;
  readonly parent: ContextValues | undefined;
}

/** Returns the values without those that are true of a call only: the same list where there is none. */
export function lastingValues(values: ContextValues | undefined): ContextValues | undefined {
  let oldest: ContextValues | undefined;
  for (let node = values; node !== undefined; node = node.parent) if (isOfCall(node.key)) oldest = node;
  if (oldest === undefined) return values;
  const newer: ContextValues[] = [];
  for (let node = values; node !== undefined && node !== oldest; node = node.parent) newer.push(node);
  return newer
    .filter(({ key }) => !isOfCall(key))
    .reduceRight<ContextValues | undefined>((parent, { key, value }) => ({ key, value, parent }), oldest.parent);
}

/** Returns the names of the keys, the last to be set first. */
export function namesOf(values: ContextValues | undefined): string[] {
  const keys = new Set<ContextKey<unknown>>();
  for (let node = values; node !== undefined; node = node.parent) keys.add(node.key);
  return [...keys].map(({ name }) => name);
}

// --- internal ---

interface CallKey<T> extends ContextKey<T> {
  readonly isOfCall?: true;
}

function isOfCall(key: ContextKey<unknown>): boolean {
  return (key as CallKey<unknown>).isOfCall === true;
}
