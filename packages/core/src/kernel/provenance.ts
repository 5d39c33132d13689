/**
 * Provenance: where the value of a call came from, for the caller who asks.
 *
 *   sourced(policy, operation) ─► note in the context ─► layers write into it ─► { value, source, ... }
 *
 * A policy that answers with something else than the operation's value writes into the note of the call's context, in the
 * turn in which it answers: what is further out and answers later writes last. The operation sees no note, so what it
 * calls itself says nothing about its own value.
 *
 * Invariants
 *  (1) Without a note, nothing is kept and the call is the same.
 *  (2) The value and the error are those of the policy, by identity.
 *  (3) A value that no policy stood in for is `primary`.
 *  (4) What the operation calls under its context does not write into the note.
 *  (5) Of a call that is no operation, and of what it calls, the last to answer counts.
 *
 * @module
 */

import { type Context, type ContextKey, background, contextKey, isContext } from './context.ts';
import { isTimeout } from './cancellation.ts';
import { isRejection } from './errors.ts';
import type { Operation } from './handler.ts';
import type { Policy } from './policy.ts';

/**
 * Where a value came from: `primary`, the operation in this call; `cached`, an earlier call, and still fresh; `stale`, an
 * earlier call, and past its time; `fallback`, a substitute.
 */
export type ValueSource = 'primary' | 'cached' | 'stale' | 'fallback';

/**
 * Why it did not come from the operation: `error`, it failed; `timeout`, it was too slow; `rejection`, a policy refused to
 * run it; `result`, it gave a value that counts as a failure; `revalidating`, a newer value is being fetched; `degraded`, it was
 * not asked, since a feature is in a lesser mode.
 */
export type SubstituteReason = 'error' | 'timeout' | 'rejection' | 'result' | 'revalidating' | 'degraded';

/** Where a value came from, and why. */
export interface Provenance {
  readonly source: ValueSource;
  /** Name of the policy that gave it; undefined for the operation's own. */
  readonly policy: string | undefined;
  /** Name of the fallback's step that gave it; undefined where there was none. */
  readonly step: string | undefined;
  /** Why the operation's own value was not given; undefined where it was, or where a fresh one was at hand. */
  readonly reason: SubstituteReason | undefined;
  /** The error that was answered, by identity; undefined where there was none. */
  readonly error: unknown;
  /** Time since the value was made, as far as that is known; 0 for the operation's own. Milliseconds. */
  readonly ageMs: number | undefined;
}

/** A value, and where it came from. */
export interface Sourced<T> extends Provenance {
  readonly value: T;
}

/**
 * Runs `operation` under `policy`, any policy or pipeline, and promises its value together with where it came from.
 *
 * @throws what `policy.execute` ends with, unchanged.
 *
 * @example
 * ```ts
 * const { value, source, reason } = await sourced(prices, (context) => fetchPrice(id, context), request);
 * ```
 */
export async function sourced<T, F = never>(
  policy: Policy<F>,
  operation: Operation<T>,
  context: Context = background,
): Promise<Sourced<T | F>> {
  const note = new ProvenanceNote();
  const isCallable = typeof operation === 'function' && isContext(context); // else `execute` says what is wrong
  const value = await (isCallable
    ? policy.execute(withoutNote(operation), withNote(context, note))
    : policy.execute(operation, context));
  const { source, policy: name, step, reason, error, ageMs } = note.provenance ?? primary; // (3)
  return { value, source, policy: name, step, reason, error, ageMs };
}

/**
 * Runs `call`, which makes calls under policies itself, and promises its value together with where that came from: what the
 * last of them that answered with something else says, or `primary`. For a function around a pipeline, or of a feature.
 *
 * @throws what `call` ends with, unchanged.
 *
 * @example
 * ```ts
 * const { value, source, ageMs } = await sourcedCall((context) => recommend(context, 'ada'), request);
 * ```
 */
export async function sourcedCall<T>(
  call: (context: Context) => T,
  context: Context = background,
): Promise<Sourced<Awaited<T>>> {
  const note = new ProvenanceNote();
  const value = await call(isContext(context) ? withNote(context, note) : context); // (5)
  const { source, policy, step, reason, error, ageMs } = note.provenance ?? primary;
  return { value, source, policy, step, reason, error, ageMs };
}

/** Whether somebody asks where the value of the call under `context` comes from. */
export function isSourced(context: Context): boolean {
  return noteIn(context) !== undefined;
}

/**
 * Notes where the value of the call under `context` came from, where somebody asks; undefined forgets what was noted. For
 * policies that answer in the operation's place: call it in the turn in which you answer.
 */
export function noteProvenance(context: Context, provenance: Provenance | undefined): void {
  const note = noteIn(context);
  if (note !== undefined) note.provenance = provenance; // (1)
}

/** Where the layers of one call write. The last to write counts. */
export class ProvenanceNote {
  provenance: Provenance | undefined = undefined;
}

/** Derives a context in which `note` is written into. */
export function withNote(context: Context, note: ProvenanceNote | undefined): Context {
  return context.withValue(noteOf, note as ProvenanceNote);
}

/** Hides the note of the call from what `operation` calls. */
export function withoutNote<T>(operation: Operation<T>): Operation<T> {
  return (context) => operation(withNote(context, undefined)); // (4)
}

/** The note of a call; undefined where nobody asks. */
export function noteIn(context: Context): ProvenanceNote | undefined {
  return context.value(noteOf);
}

/** Why `error` is answered with something else. */
export function reasonOf(error: unknown): SubstituteReason {
  if (isRejection(error)) return 'rejection';
  return isTimeout(error) ? 'timeout' : 'error';
}

// --- internal ---

/** Under this key a context has the note of its call. */
const noteOf: ContextKey<ProvenanceNote> = contextKey('the provenance note');

const primary: Provenance = Object.freeze({
  source: 'primary',
  policy: undefined,
  step: undefined,
  reason: undefined,
  error: undefined,
  ageMs: 0,
});
