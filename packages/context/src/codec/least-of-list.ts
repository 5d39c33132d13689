/**
 * Least of a list: the earliest of the deadlines that come under one name, as several headers or as one with commas, which is
 * how proxies and `Headers.append` put them together. Reading and writing headers agree on it.
 *
 * @module
 */

/**
 * Returns the least value that `parse` finds in `texts` and in what commas separate there, the first 8 of each text; Infinity
 * where it finds none.
 */
export function leastOfList(texts: readonly string[] | undefined, parse: (text: string) => number | undefined): number {
  let least = Infinity;
  for (const text of texts ?? []) {
    for (const part of text.split(',', MAX_LIST_LENGTH)) least = Math.min(least, parse(part.trim()) ?? Infinity);
  }
  return least;
}

// --- internal ---

/** Deadlines that are looked at in one header. */
const MAX_LIST_LENGTH = 8;
