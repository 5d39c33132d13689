/**
 * Method patch: methods of one object replaced by others, and put back.
 *
 * Invariants
 *  (1) Putting back leaves the object as it was, and does nothing the second time.
 *  (2) Only the object itself is changed, never its class.
 *
 * @module
 */

/** A method, of whatever type. */
export type Method = (this: unknown, ...args: never[]) => unknown;

/**
 * Replaces methods of `target` by what `replace` makes of each. Returns what puts them back.
 *
 * @throws TypeError when `target` has no such method.
 */
export function replaceMethods(
  target: object,
  names: readonly string[],
  replace: (method: Method, name: string) => Method,
): () => void {
  const methods = names.map((name) => [name, methodOf(target, name)] as const);
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(target, name)] as const);
  for (const [name, method] of methods) define(target, name, replace(method, name));

  let isPutBack = false;
  return () => {
    if (isPutBack) return; // (1)
    isPutBack = true;
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) delete (target as Record<string, unknown>)[name]; // (2)
      else Object.defineProperty(target, name, descriptor);
    }
  };
}

// --- internal ---

function methodOf(target: object, name: string): Method {
  const method = (target as Record<string, unknown>)[name];
  if (typeof method !== 'function') throw new TypeError(`there is no method ${JSON.stringify(name)} to bind`);
  return method as Method;
}

function define(target: object, name: string, value: Method): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false });
}
