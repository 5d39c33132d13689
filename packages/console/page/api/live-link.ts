/**
 * Live link: follows the stream of events, and comes back to it whenever it ends.
 *
 *   connecting ── stream opened ──► live ── it ended, or was silent for too long ──► lost
 *       ▲                                                                             │
 *       └──────────────────────────── the wait is over ◄──────────────────────────────┘
 *
 * Invariants
 *  (1) It comes back after the last event that was heard, so that what was missed is told.
 *  (2) Waits grow to `MAX_WAIT_MS`, or are what the service asks for; a stream that was heard from starts anew.
 *  (3) A stream that is silent for `SILENCE_MS` has ended: the service gives a sign of life every five seconds.
 *  (4) A token that is refused is not tried again.
 *  (5) While nobody has looked at the page for `UNSEEN_MS`, there is no stream: browsers have six connections per service for all
 *      tabs together, and whoever acts needs one. Who looks again hears what was missed.
 *
 * @module
 */

import { type AdminClient, ApiProblem } from './admin-client.ts';
import type { LiveEvent } from './answers.ts';
import { createStreamReader } from './event-stream.ts';

/** How the link is. */
export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly sinceMs: number; readonly retryAtMs: number; readonly why: string };

/** What a link needs. */
export interface LinkParts {
  readonly client: Pick<AdminClient, 'watch'>;
  readonly now: () => number;
  /** Calls `then` after a time; returns what cancels that. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Resolves when somebody may look at the page, or `signal` aborts. */
  readonly untilSeen: (signal: AbortSignal) => Promise<void>;
  /** Calls `then` when nobody has looked at the page for a time; returns what ends that. */
  readonly whenUnseen: (ms: number, then: () => void) => () => void;
  readonly onState: (state: LinkState) => void;
  readonly onEvents: (events: readonly LiveEvent[]) => void;
  readonly onRefused: (problem: ApiProblem) => void;
}

/** Follows the stream until the returned function is called. */
export function followEvents(parts: LinkParts): () => void {
  const end = new AbortController();
  void follow(parts, end.signal);
  return () => end.abort();
}

// --- internal ---

const SILENCE_MS = 15_000;
const MAX_WAIT_MS = 5000;
const UNSEEN_MS = 10_000;

async function follow(parts: LinkParts, signal: AbortSignal): Promise<void> {
  const progress: Progress = { lastId: undefined, failures: 0, heardAtMs: parts.now() };
  while (!signal.aborted) {
    parts.onState({ kind: 'connecting' });
    await parts.untilSeen(signal); // (5)
    const failure = await listen(parts, progress, signal);
    if (signal.aborted) return;
    if (failure === UNSEEN) continue;
    if (failure instanceof ApiProblem && failure.status === 401) {
      parts.onRefused(failure); // (4)
      return;
    }
    progress.failures++;
    const waitMs = retryAfterOf(failure) ?? Math.min(MAX_WAIT_MS, 250 * 2 ** progress.failures); // (2)
    const why = failure instanceof ApiProblem ? failure.message : 'The connection ended.';
    parts.onState({ kind: 'lost', sinceMs: progress.heardAtMs, retryAtMs: parts.now() + waitMs, why });
    await wait(parts, waitMs, signal);
  }
}

interface Progress {
  lastId: string | undefined;
  failures: number;
  heardAtMs: number;
}

/** Reads one stream to its end; returns why it ended. */
async function listen(parts: LinkParts, progress: Progress, signal: AbortSignal): Promise<unknown> {
  const attempt = new AbortController();
  const abort = (): void => attempt.abort();
  signal.addEventListener('abort', abort);
  let isUnseen = false;
  const stopLooking = parts.whenUnseen(UNSEEN_MS, () => {
    isUnseen = true;
    abort();
  });
  let stopSilence = parts.after(SILENCE_MS, abort); // (3)
  try {
    const stream = await parts.client.watch(progress.lastId, attempt.signal); // (1)
    const reader = stream.getReader();
    const decoder = new TextDecoder();
    const events = createStreamReader(progress.lastId);
    parts.onState({ kind: 'live' });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      stopSilence();
      stopSilence = parts.after(SILENCE_MS, abort);
      progress.heardAtMs = parts.now();
      progress.failures = 0; // (2)
      const told = events.read(decoder.decode(value, { stream: true }));
      progress.lastId = events.lastId;
      if (told.length > 0) parts.onEvents(told);
    }
  } catch (error) {
    return isUnseen ? UNSEEN : error;
  } finally {
    stopLooking();
    stopSilence();
    abort();
    signal.removeEventListener('abort', abort);
  }
}

/** Why a stream ended that nobody needed. */
const UNSEEN = Symbol('unseen');

function retryAfterOf(failure: unknown): number | undefined {
  return failure instanceof ApiProblem ? failure.retryAfterMs : undefined;
}

function wait({ after }: LinkParts, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    const stop = (): void => {
      cancel();
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
