/**
 * Fleet store: the store that a registry shares its circuits in, as far as it holds circuits for all who share them; and what
 * it means where that store does not answer.
 *
 *   asked ─► answered in time ─► the ruling
 *     ├───── refused ─────────► Problem: nothing was changed
 *     └───── no answer ───────► Problem that says that it may have been done ── answered later ─► told to who asked
 *
 * It is known by its shape, so that this package needs no other: the store of `@holdfast/redis` is one.
 *
 * Invariants
 *  (1) Whoever asks has an answer or a problem within `LIMIT_MS`, whatever the store does, however often it is asked for that.
 *  (2) A problem says whether something may have been changed all the same; one that does not has changed nothing.
 *
 * @module
 */

import {
  type Clock,
  type ExplainedRuling,
  type Registry,
  type SharingExplanation,
  isResilienceError,
  messageOf,
  reportHookError,
} from '@holdfast/core';

import { Problem } from '../api/problem.ts';

/** A store that holds circuits for all who share them. */
export interface FleetStore {
  hold(name: string, state: 'open' | 'closed', wish: FleetNote & { readonly forMs: number }): Promise<ExplainedRuling>;
  release(name: string, note: FleetNote): Promise<ExplainedRuling>;
  /** Why a circuit is as it is; `members` is 0 where no breaker of this process shares it there. */
  explain(name: string): Promise<SharingExplanation>;
  health(): { readonly nodes: number };
}

/** Who asks the store, and why. */
export interface FleetNote {
  readonly owner: string;
  readonly reason: string;
}

/** How a store is asked. */
export interface AskOptions<Answer> {
  readonly clock: Clock;
  /** When an answer is too late, as {@link answerLimit} says. */
  readonly answerByMs: number;
  /** Told an answer that came after its time. Without it the question is one that changes nothing. */
  readonly onLate?: (answer: Answer) => void;
}

/** Returns the store of a registry, if it holds circuits for all who share them. */
export function fleetStoreOf({ store }: Pick<Registry, 'store'>): FleetStore | undefined {
  const known = store as (object & { readonly [method: string]: unknown }) | undefined;
  const isOne = ['hold', 'release', 'explain'].every((method) => typeof known?.[method] === 'function');
  return isOne ? (known as unknown as FleetStore) : undefined;
}

/** How many processes share circuits in a store, as it knows; undefined where it cannot say. */
export function nodesOf(store: FleetStore | undefined): number | undefined {
  try {
    const nodes = store?.health().nodes;
    return typeof nodes === 'number' && nodes > 0 ? nodes : undefined;
  } catch {
    return undefined;
  }
}

/** Until when a store may keep somebody waiting who comes now. Milliseconds of the clock. */
export function answerLimit(clock: Clock): number {
  return clock.now() + LIMIT_MS;
}

/** Asks a store. Throws a Problem where it does not answer in time, or refuses; and whatever else the store throws. */
export function askStore<Answer>(
  ask: () => Promise<Answer>,
  { clock, answerByMs, onLate }: AskOptions<Answer>,
): Promise<Answer> {
  const isChange = onLate !== undefined;
  const limitMs = Math.max(1, answerByMs - clock.now());
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = clock.setTimer(() => {
      isLate = true;
      reject(unanswered(`it said nothing for ${Math.round(limitMs)} ms`, STORE_TROUBLES.timeout, isChange)); // (1)
    }, limitMs);
    timer.unref();
    const settle = async (): Promise<void> => {
      try {
        const answer = await ask();
        if (isLate) onLate?.(answer);
        else resolve(answer);
      } catch (error) {
        if (isLate) reportHookError('admin.fleet', error, 'admin');
        else reject(problemOf(error, isChange));
      } finally {
        timer.cancel();
      }
    };
    void settle();
  });
}

/** Whether what was asked for may have been done, though it was refused: (2). */
export function mayHaveChanged(error: unknown): boolean {
  return !(error instanceof Problem) || error.members.mayHaveChanged === true;
}

// --- internal ---

/** Time for which a store may keep somebody waiting; less than what clients wait for an answer. Milliseconds. */
const LIMIT_MS = 8000;

interface Trouble {
  readonly status: 503 | 504;
  readonly code: string;
  readonly words: string;
  /** Whether it is known that nothing was done. */
  readonly isRefusal: boolean;
}

/** What kept a store from answering, by the word that its error has for it. */
const STORE_TROUBLES = {
  timeout: {
    status: 504,
    code: 'STORE_TIMEOUT',
    words: 'the store of the fleet did not answer in time',
    isRefusal: false,
  },
  away: { status: 503, code: 'STORE_AWAY', words: 'the store of the fleet cannot be reached', isRefusal: false },
  denied: { status: 503, code: 'STORE_DENIED', words: 'the store of the fleet does not allow that', isRefusal: true },
  failed: { status: 503, code: 'STORE_FAILED', words: 'the store of the fleet failed', isRefusal: false },
} as const satisfies Readonly<Record<string, Trouble>>;

function problemOf(error: unknown, isChange: boolean): unknown {
  if (!isResilienceError(error) || error.code !== 'STORE_UNAVAILABLE') return error;
  const { trouble } = error as { readonly trouble?: unknown };
  const known = Object.entries(STORE_TROUBLES).find(([name]) => name === trouble)?.[1] ?? STORE_TROUBLES.away;
  return unanswered(messageOf(error), known, isChange);
}

function unanswered(why: string, { status, code, words, isRefusal }: Trouble, isChange: boolean): Problem {
  const isUnknown = isChange && !isRefusal;
  const advice = isUnknown ? '; it may have been done all the same: look before you try again' : '';
  return new Problem(status, `${words} (${why})${advice}`, { code, ...(isUnknown && { mayHaveChanged: true }) }); // (2)
}
