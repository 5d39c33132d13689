/**
 * undici headers: the headers of a request in any of the forms that undici takes, as one plain object.
 *
 * @module
 */

/** Texts by name; a name that occurs more than once has an array. */
export type PlainHeaders = Record<string, string | string[]>;

/**
 * Returns a copy: of an object, of pairs, of `Headers` or of a flat list of names and values. Names keep their case; one that
 * occurs twice, in any case, has an array under the first.
 */
export function plainHeadersOf(headers: unknown): PlainHeaders {
  const plain: PlainHeaders = Object.create(null) as PlainHeaders;
  const keyOf = new Map<string, string>();
  for (const [name, value] of entriesOf(headers)) {
    const lower = name.toLowerCase();
    const key = keyOf.get(lower) ?? name;
    keyOf.set(lower, key);
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    const before = plain[key];
    const all = before === undefined ? texts : [...(Array.isArray(before) ? before : [before]), ...texts];
    plain[key] = all.length === 1 ? (all[0] ?? '') : all;
  }
  return { ...plain };
}

// --- internal ---

function entriesOf(headers: unknown): readonly (readonly [string, unknown])[] {
  if (typeof headers !== 'object' || headers === null) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0])) return pairsOf(headers);
  if (Symbol.iterator in headers) return [...(headers as Iterable<readonly [unknown, unknown]>)].map(toEntry);
  return Object.entries(headers).filter(([, value]) => value !== undefined && value !== null);
}

/** The pairs of a flat list: name, value, name, value. */
function pairsOf(list: readonly unknown[]): readonly (readonly [string, unknown])[] {
  const pairs: (readonly [string, unknown])[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push(toEntry([list[i], list[i + 1]]));
  return pairs;
}

function toEntry([name, value]: readonly [unknown, unknown]): readonly [string, unknown] {
  return [String(name), value];
}
