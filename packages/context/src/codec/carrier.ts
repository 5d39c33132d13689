/**
 * Carrier: whatever carries texts under names over a border: the headers of `node:http` and of fetch, the metadata of gRPC,
 * the headers of a message of RabbitMQ or Kafka, a plain object, a Map.
 *
 * An object with `get` and `set` is used through these, one with `getHeader` and `setHeader` through those, any other by its
 * own properties, whose names may have any case.
 *
 * Invariants
 *  (1) Reading never throws, whatever the carrier is or does.
 *  (2) Only the carrier's own properties are read, so that nothing comes from a prototype.
 *  (3) Of one name at most 16 values are read, of at most 8192 characters each; the rest is not there.
 *
 * @module
 */

/** Reads what a carrier has under a name, for carriers that need a way of their own. */
export type CarrierReader<C> = (carrier: C, name: string) => unknown;

/** Writes a text into a carrier under a name, for carriers that need a way of their own. */
export type CarrierWriter<C> = (carrier: C, name: string, text: string) => void;

/** The texts that were found, by their names in lower case. */
export type Found = ReadonlyMap<string, readonly string[]>;

/** Returns what `carrier` has under `names`, which are in lower case. */
export function readCarrier(carrier: unknown, names: ReadonlySet<string>, read?: CarrierReader<never>): Found {
  const found = new Map<string, string[]>();
  const take = (name: string, value: unknown): void => {
    const texts = textsOf(value);
    if (texts.length > 0) found.set(name, [...(found.get(name) ?? []), ...texts].slice(0, MAX_VALUES));
  };
  try {
    if (read !== undefined) for (const name of names) take(name, read(carrier as never, name));
    else if (hasMethod(carrier, 'get')) for (const name of names) take(name, carrier.get(name));
    else if (hasMethod(carrier, 'getHeader')) for (const name of names) take(name, carrier.getHeader(name));
    else readProperties(carrier, names, take);
  } catch {
    // (1): a hostile getter or proxy; what was read before counts
  }
  return found;
}

/** Writes `text` into `carrier`. Throws what the carrier throws, as one that cannot be written any more does. */
export function writeCarrier(carrier: object, name: string, text: string): void {
  if (hasMethod(carrier, 'set')) carrier.set(name, text);
  else if (hasMethod(carrier, 'setHeader')) carrier.setHeader(name, text);
  else (carrier as Record<string, unknown>)[name] = text;
}

/** Takes out of a carrier that can be asked for its names those for which `isStale` says so, whatever their case. */
export function clearCarrier(carrier: object, isStale: (lowerCaseName: string, name: string) => boolean): void {
  for (const name of namesIn(carrier)) {
    if (!isStale(name.toLowerCase(), name)) continue;
    if (hasMethod(carrier, 'delete')) carrier.delete(name);
    else if (hasMethod(carrier, 'removeHeader')) carrier.removeHeader(name);
    else if (hasMethod(carrier, 'remove')) carrier.remove(name);
    else if (!hasMethod(carrier, 'set')) delete (carrier as Record<string, unknown>)[name];
  }
}

// --- internal ---

const MAX_VALUES = 16;
const MAX_TEXT_LENGTH = 8192;

function readProperties(
  carrier: unknown,
  names: ReadonlySet<string>,
  take: (name: string, value: unknown) => void,
): void {
  if (typeof carrier !== 'object' || carrier === null) return;
  for (const key of Object.keys(carrier)) {
    const name = names.has(key) ? key : key.toLowerCase();
    if (names.has(name)) take(name, (carrier as Record<string, unknown>)[key]); // (2)
  }
}

/** The texts in `value`: a text, bytes, a number, or several of these. */
function textsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.slice(0, MAX_VALUES).flatMap((each) => textOf(each) ?? []); // (3)
  return textOf(value) ?? [];
}

function textOf(value: unknown): readonly [string] | undefined {
  const text = value instanceof Uint8Array ? fromBytes(value) : value;
  if (typeof text === 'number' || typeof text === 'bigint') return [String(text)];
  return typeof text === 'string' && text.length <= MAX_TEXT_LENGTH ? [text] : undefined;
}

function fromBytes(bytes: Uint8Array): string | undefined {
  return bytes.length <= MAX_TEXT_LENGTH ? Buffer.from(bytes).toString('latin1') : undefined;
}

function namesIn(carrier: object): readonly string[] {
  if (hasMethod(carrier, 'getHeaderNames')) return carrier.getHeaderNames() as string[];
  if (hasMethod(carrier, 'keys')) return textsAmong(carrier.keys() as Iterable<unknown>);
  if (hasMethod(carrier, 'getMap')) return Object.keys(carrier.getMap() as object);
  return hasMethod(carrier, 'set') ? [] : Object.keys(carrier);
}

/** The names among keys, which of an array are numbers. */
function textsAmong(keys: Iterable<unknown>): readonly string[] {
  return [...keys].filter((key) => typeof key === 'string');
}

function hasMethod<M extends string>(value: unknown, method: M): value is Record<M, (...args: unknown[]) => unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'
  );
}
