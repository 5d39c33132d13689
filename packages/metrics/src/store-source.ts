/**
 * Store source: the little that metrics need to know about what is shared with other processes, and how it is read.
 *
 *   store of circuits   mode, operations by kind and result, latency in all, nodes
 *   store of features   mode, answered, failed, latency of the last answer
 *   any other link      status, answered, failed, latency of the last answer
 *
 * Invariants
 *  (1) A link whose status is not `ready` is shown as `local`: this process goes by what it knows.
 *
 * @module
 */

/** Requests of one kind that ended in one way. */
export interface StoreRequests {
  readonly operation: string;
  readonly result: string;
  readonly count: number;
}

/** A store at one instant. */
export interface StoreReading {
  readonly mode: 'shared' | 'local';
  readonly operations: readonly StoreRequests[];
  /** Time that answered requests took, all together; undefined where only the last one is known. */
  readonly latencySumMs?: number | undefined;
  /** Time that the last answer took. Milliseconds; undefined before the first, and where that is not known. */
  readonly lastLatencyMs?: number | undefined;
  /** Time since it last answered. Milliseconds; undefined where it never has, or that is not known. */
  readonly silentMs?: number | undefined;
  /** Processes that share; undefined where that is not known. */
  readonly nodes?: number | undefined;
}

/** What a store may tell of itself: its mode or the status of its connection, and requests in one of two forms. */
export interface StoreHealthReading {
  readonly mode?: 'shared' | 'local' | undefined;
  readonly status?: string | undefined;
  readonly operations?: readonly StoreRequests[] | undefined;
  readonly answered?: number | undefined;
  readonly failed?: number | undefined;
  readonly latency?: { readonly sumMs: number } | undefined;
  readonly latencyMs?: number | undefined;
  readonly silentMs?: number | undefined;
  readonly nodes?: number | undefined;
}

/** Something shared with other processes through a server. */
export interface StoreSource {
  /** Called once per reading. */
  health(): StoreHealthReading;
}

/** Returns what metrics show of what a store tells. */
export function readStore(health: StoreHealthReading): StoreReading {
  const { operations, answered = 0, failed = 0, latency, latencyMs, silentMs, nodes, status } = health;
  const { mode = status === 'ready' ? 'shared' : 'local' } = health; // (1)
  return {
    mode,
    operations: operations ?? [
      { operation: 'request', result: 'ok', count: answered },
      { operation: 'request', result: 'error', count: failed },
    ],
    latencySumMs: latency?.sumMs,
    lastLatencyMs: latencyMs,
    silentMs: silentMs === Infinity ? undefined : silentMs,
    nodes,
  };
}
