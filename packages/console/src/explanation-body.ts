/**
 * Explanation body: for whom a mode is to be explained, as a request says it.
 *
 * @module
 */

import type { PlacedTarget } from '@holdfast/degradation';

import { Problem } from './problem.ts';

/**
 * Reads a target: `{ "key": "ada", "attributes": { "plan": "free" } }`.
 *
 * @throws Problem when it is none (400).
 */
export function targetOfBody(body: Readonly<Record<string, unknown>>): PlacedTarget {
  const { key, attributes = {}, ...rest } = body;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(unknown, `there is no field ${JSON.stringify(unknown.slice(0, 60))}`);
  if (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH)
    throw invalid('key', `key must be a string of 1 to ${MAX_KEY_LENGTH} characters: who the request is for`);
  if (!isAttributes(attributes))
    throw invalid('attributes', 'attributes must be an object of strings, numbers and booleans');
  return { key, attributes };
}

// --- internal ---

const MAX_KEY_LENGTH = 1000;

function isAttributes(value: unknown): value is NonNullable<PlacedTarget['attributes']> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => ['string', 'number', 'boolean'].includes(typeof one));
}

function invalid(field: string, detail: string): Problem {
  return new Problem(400, detail, { code: 'INVALID_TARGET', field });
}
