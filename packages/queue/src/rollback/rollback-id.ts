/**
 * Rollback id: the name of one rollback, the same whoever asks for it and however often: task, operation and step.
 *
 * A moment in it would make it another one with each retry, and a message that comes twice would be done twice. What looks like
 * the present moment is refused.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** Which rollback: of which task (an order, a payment), which operation of it, and which step of that. */
export interface RollbackId {
  /** A number where that is the id of the task, as a key of a database is. */
  readonly task: string | number;
  readonly operation: string;
  /** Where an operation is undone in several steps. By default none. */
  readonly step?: string | number;
}

/**
 * Returns the key of a rollback. Two ids have the same key only where all of their parts are the same.
 *
 * @throws ConfigError when a part is missing, holds more than 60 characters, or is the present moment; `nowMs` is the calendar's.
 */
export function rollbackKey(id: RollbackId, nowMs: number): string {
  const { task, operation, step } = id ?? {};
  const parts = [part('task', task, nowMs), part('operation', operation, nowMs)];
  if (step !== undefined) parts.push(part('step', step, nowMs));
  const key = parts.join('/');
  if (key.length > MAX_KEY_LENGTH)
    throw new ConfigError('rollback id', `at most ${MAX_KEY_LENGTH} characters, as ${key.slice(0, 20)}...`, key.length);
  return key;
}

// --- internal ---

/** What `once` takes. */
const MAX_KEY_LENGTH = 128;
const MAX_PART_LENGTH = 60;
const HOUR_MS = 3_600_000;

function part(name: string, value: unknown, nowMs: number): string {
  const isText = typeof value === 'string' && value !== '' && value.length <= MAX_PART_LENGTH;
  if (!isText && !(typeof value === 'number' && Number.isFinite(value)))
    throw new ConfigError(`rollback id.${name}`, `a text of 1 to ${MAX_PART_LENGTH} characters, or a number`, value);
  if (isNow(value, nowMs))
    throw new ConfigError(`rollback id.${name}`, 'the same for every retry, and so no time', value);
  try {
    return encodeURIComponent(String(value));
  } catch {
    throw new ConfigError(`rollback id.${name}`, 'Unicode, without half of a surrogate pair', value);
  }
}

/** Whether `value` is a moment within an hour of now: seconds, milliseconds or nanoseconds since 1970, or a date as text. */
function isNow(value: string | number, nowMs: number): boolean {
  const text = String(value);
  const times = /^\d{10,19}$/.test(text) ? [1000, 1, 1e-6].map((factor) => Number(text) * factor) : [dateOf(text)];
  return times.some((timeMs) => Math.abs(timeMs - nowMs) < HOUR_MS);
}

function dateOf(text: string): number {
  // oxlint-disable-next-line no-restricted-globals -- reads the text that was handed in; reads no clock
  return /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
}
