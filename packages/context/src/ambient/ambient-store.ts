/**
 * Ambient store: the one place where the context of the running code is kept, an `AsyncLocalStorage`.
 *
 * There is one in a process, also where several copies of this package are loaded: on Node.js 24 each further one makes every
 * `run` slower, and from the first one on, each `await` of the process costs more on Node.js 20 and 22. So it is made when
 * first run in, not before.
 *
 * Invariants
 *  (1) Until somebody runs in it, there is no storage.
 *  (2) There is never a second one.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';

import type { Context } from '@holdfast/core';

/** Returns the context of the running code; undefined where there is none. */
export function storedContext(): Context | undefined {
  return place[STORE]?.getStore();
}

/** Runs `fn` with `context` as that of the running code; undefined stands for none, whatever was there before. */
export function runStored<R>(context: Context | undefined, fn: () => R): R {
  if (context === undefined && place[STORE] === undefined) return fn(); // (1)
  return storage().run(context, fn);
}

// --- internal ---

type Storage = AsyncLocalStorage<Context | undefined>;

const STORE = Symbol.for('@holdfast/ambient-context');

/** Shared by all copies of this package. */
const place = globalThis as { [STORE]?: Storage };

function storage(): Storage {
  let store = place[STORE];
  if (store === undefined) {
    store = new AsyncLocalStorage<Context | undefined>();
    Object.defineProperty(place, STORE, { value: store }); // (2)
  }
  return store;
}
