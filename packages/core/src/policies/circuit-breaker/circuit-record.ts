/**
 * Circuit record: what a circuit knows, as plain data, so that a process that starts again does not begin by calling what was
 * failing a moment ago.
 *
 * Instants of a process mean nothing to another, so a record holds wall-clock time, which the caller hands in. A record may be
 * old, from a clock that differs, or broken: then less of it is believed, and never too much.
 *
 * Invariants
 *  (1) An open time that has passed meanwhile is over; what remains is never more than it was when it was saved, nor than the
 *      rules allow.
 *  (2) What is no record, or older than `maxAgeMs`, changes nothing.
 *
 * @module
 */

import { type OutcomeWindow, type WindowRecord, replay } from '../../mechanisms/outcome-window.ts';
import type { Circuit, CircuitRules } from './circuit.ts';
import type { SavedCircuit } from './circuit-entry.ts';

/** A circuit, saved. All of it is JSON. */
export interface CircuitRecord {
  readonly version: 1;
  /** When it was saved. Milliseconds since 1970, by the clock that the caller asked. */
  readonly savedAt: number;
  /** Time that it was still to stay open when it was saved. Milliseconds; 0 where probes were let through; absent where it was closed. */
  readonly remainingOpenMs?: number;
  /** How often in a row the probes had failed. */
  readonly reopenings: number;
  /** What the window of a closed circuit held. */
  readonly window: WindowRecord;
}

/** When a record is taken or taken up. */
export interface RecordTime {
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  /** The same instant by the clock of the circuit. Milliseconds. */
  readonly now: number;
}

/** Saves `circuit`. */
export function recordOf(circuit: Circuit, { wallMs, now }: RecordTime): CircuitRecord {
  const window = circuit.seen?.save(now) ?? [];
  const { reopenings } = circuit;
  const isClosed = circuit.state(now) === 'closed';
  const base = { version: 1, savedAt: wallMs, reopenings, window } as const;
  return isClosed ? base : { ...base, remainingOpenMs: circuit.remainingOpenMs(now) };
}

/** Reads a record. Undefined where it is none, or is older than `maxAgeMs`: (2). */
export function readRecord(record: unknown, rules: CircuitRules, time: ReadTime): SavedCircuit | undefined {
  if (!isRecord(record)) return undefined;
  const elapsedMs = Math.max(0, time.wallMs - record.savedAt); // a record from the future was saved just now
  if (elapsedMs > time.maxAgeMs) return undefined;
  const { reopenings, remainingOpenMs } = record;
  if (remainingOpenMs !== undefined)
    return { window: undefined, reopenings, openUntil: time.now + remainingMs(remainingOpenMs, elapsedMs, time) }; // (1)
  return { window: windowOf(record.window, rules, { now: time.now, elapsedMs }), reopenings: 0, openUntil: undefined };
}

/** When a record is read, and how old it may be. Milliseconds. */
export interface ReadTime extends RecordTime {
  readonly maxAgeMs: number;
  /** The longest that a circuit of these rules stays open: a record that says more is not believed. */
  readonly maxOpenMs: number;
}

/** Makes a window of these rules that holds what another held. */
export function windowOf(
  record: WindowRecord,
  rules: CircuitRules,
  time: { readonly now: number; readonly elapsedMs: number },
): OutcomeWindow {
  const window = rules.newWindow();
  replay(record, window, time);
  return window;
}

// --- internal ---

function remainingMs(savedMs: number, elapsedMs: number, { maxOpenMs }: ReadTime): number {
  return Math.max(0, Math.min(savedMs, maxOpenMs) - elapsedMs);
}

/** More calls than any window would be told of: a record that says more is broken. */
const MAX_CALLS = 10_000_000;

function isRecord(value: unknown): value is CircuitRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { version, savedAt, remainingOpenMs, reopenings, window } = value as Partial<CircuitRecord>;
  return (
    version === 1 &&
    Number.isFinite(savedAt) &&
    (remainingOpenMs === undefined || isCount(remainingOpenMs, Number.MAX_VALUE)) &&
    isCount(reopenings, Number.MAX_SAFE_INTEGER) &&
    Array.isArray(window) &&
    window.every(isRun) &&
    window.reduce((sum: number, run: { readonly calls: number }) => sum + run.calls, 0) <= MAX_CALLS
  );
}

function isRun(run: unknown): boolean {
  if (typeof run !== 'object' || run === null) return false;
  const { ageMs, calls, failures } = run as Record<string, unknown>;
  if (!isCount(ageMs, Number.MAX_VALUE) || !isCount(calls, MAX_CALLS) || !isCount(failures, MAX_CALLS)) return false;
  return Number.isInteger(calls) && Number.isInteger(failures) && failures <= calls;
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= max;
}
