/**
 * Enricher: works out one value of a request.
 *
 * @module
 */

import { ConfigError, type Context, type ContextKey, isFunction, oneOf, withKnown } from '@holdfast/core';

/** Works out one value of a request. */
export interface Enricher<T> {
  /** Where the value is put. */
  readonly key: ContextKey<T>;
  /**
   * Works out the value; undefined for none. Its context ends when nobody waits any more. What it throws is reported, and there
   * is no value.
   */
  readonly enrich: (context: Context) => T | undefined | Promise<T | undefined>;
  /** Whether it runs whatever it costs. Default false. */
  readonly isEssential?: boolean;
}

/** An enricher that is complete and valid. */
export interface EnricherSettings {
  readonly name: string;
  readonly key: ContextKey<unknown>;
  readonly enrich: (context: Context) => unknown;
  readonly isEssential: boolean;
}

/** Checks enrichers. */
export function resolveEnrichers(enrichers: object): readonly EnricherSettings[] {
  if (!isObjectByName(enrichers)) throw new ConfigError('enrichment.enrichers', 'an object of enrichers', enrichers);
  return Object.entries(enrichers as Readonly<Record<string, Enricher<unknown>>>).map(([name, enricher]) => {
    const place = `enrichment.enrichers.${name}`;
    const { key, enrich, isEssential } = withKnown(place, { isEssential: false }, enricher, ['key', 'enrich']);
    if (!isKey(key)) throw new ConfigError(`${place}.key`, 'made by contextKey()', key);
    isFunction(`${place}.enrich`, enrich);
    oneOf(`${place}.isEssential`, isEssential, [true, false]);
    return { name, key, enrich, isEssential };
  });
}

// --- internal ---

/** Whether it is an object with enrichers as its properties; a Map, an array or a promise has none there, in silence. */
function isObjectByName(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value) && !(value instanceof Promise);
}

function isKey(value: unknown): value is ContextKey<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string';
}
