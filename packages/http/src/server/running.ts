/**
 * Running: the requests under way, and how to wait for their end.
 *
 *   open ── quiesce ─► quiet: connections are not kept ── drain ─► draining: new ones are refused ── all over, or the time ─► drained
 *                                                                      └─ drainGraceMs before the end: the rest is closed
 *
 * Invariants
 *  (1) A request is in the list from its head until it is over, and counted once.
 *  (2) A drain waits for all of them, and for the answers of those that it refuses, which its report calls `refused`.
 *  (3) A connection that is lost ends every request on it, also those whose turn to be answered had not come.
 *
 * @module
 */

import { type Context, type DrainReport, type InFlight, type InFlightParts, createInFlight } from '@holdfast/core';

import type { Closable, IncomingRequest } from './http-message.ts';
import type { OneRequest } from './one-request.ts';
import type { RequestOutcome } from './request-ending.ts';

/** What became of the requests so far. */
export interface RequestCounts {
  /** Under way now. */
  readonly running: number;
  /** Over, by outcome. */
  readonly ended: Readonly<Record<RequestOutcome, number>>;
}

/** The requests under way. */
export class Running {
  readonly #inFlight: InFlight<OneRequest>;
  readonly #bySocket = new WeakMap<object, Set<OneRequest>>();
  readonly #ended: Record<RequestOutcome, number> = {
    answered: 0,
    refused: 0,
    'client-gone': 0,
    deadline: 0,
    'server-closing': 0,
    failed: 0,
  };
  #count = 0;
  #isQuiet = false;

  constructor(parts: InFlightParts) {
    this.#inFlight = createInFlight(parts);
  }

  get isQuiet(): boolean {
    return this.#isQuiet;
  }

  get isDraining(): boolean {
    return !this.#inFlight.isOpen;
  }

  counts(): RequestCounts {
    return { running: this.#count, ended: { ...this.#ended } };
  }

  /** Notes a request. Returns what is to be called with its outcome when it is over, once. */
  add(life: OneRequest, { method, socket }: IncomingRequest): (outcome: RequestOutcome) => void {
    const run = this.#inFlight.begin(life.refusal === undefined ? (method ?? 'request') : 'refused', life);
    const lives = isClosable(socket) ? this.#onSocket(socket) : undefined;
    lives?.add(life);
    this.#count++; // (1)
    return (outcome) => {
      this.#count--;
      this.#ended[outcome]++; // (1)
      lives?.delete(life);
      this.#inFlight.end(run, outcome !== 'answered' && outcome !== 'refused'); // (2)
    };
  }

  quiesce(): void {
    this.#isQuiet = true;
    for (const { context: life } of this.#inFlight) life.letGo();
  }

  drain(context: Context): Promise<DrainReport> {
    this.quiesce();
    return this.#inFlight.drain(context); // (2)
  }

  // --- internal ---

  /** The requests of a connection, which are all over when it is lost. */
  #onSocket(socket: Closable & object): Set<OneRequest> {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const lives = new Set<OneRequest>();
    this.#bySocket.set(socket, lives);
    socket.once('close', () => {
      for (const life of lives) life.settle(); // (3)
    });
    return lives;
  }
}

// --- internal ---

function isClosable(socket: unknown): socket is Closable & object {
  return typeof socket === 'object' && socket !== null && typeof (socket as { once?: unknown }).once === 'function';
}
