/**
 * Fleet holds: circuits that people keep in a state in all processes that share them, through the store of the registry.
 *
 *   hold ─► confirmed by the store ─► held in all processes, whoever asked ─► its time is over, or released by anybody
 *     └──── not confirmed ──────────► a problem, and an action in the trail that says so; what the store rules is shown
 *
 * Invariants
 *  (1) What is said to be done was confirmed by the store; what may have been done without that is in the trail as such.
 *  (2) Only circuits that share their state in this registry's store are held there: never another one of the same name.
 *  (3) What is shown is what this process knows of the fleet's ruling, whoever made it; anybody's hold can be released.
 *  (4) Undoing brings back the hold that there was for what is left of its time, or none; where the fleet has ruled anew
 *      since, as far as this process knows, it changes nothing.
 *
 * @module
 */

import type { ExplainedRuling, Timer } from '@holdfast/core';

import { Problem } from '../api/problem.ts';
import { tellFailure } from '../failure.ts';
import { type Circuit, type CircuitEntry, isStillIn, requireCircuit } from '../policies/catalogue.ts';
import type { ActionKind, Author, Deed, ShownAction, Undo, Undone } from './action-trail.ts';
import type { HoldParts, HoldRequest } from './circuit-holds.ts';
import {
  type ShownFleetHold,
  isHeld,
  isOfPeople,
  isReleasedSince,
  isReplaced,
  sharingIn,
  sharingOf,
  shownOf,
} from './fleet-ruling.ts';
import {
  type FleetNote,
  type FleetStore,
  answerLimit,
  askStore,
  fleetStoreOf,
  mayHaveChanged,
  nodesOf,
} from './fleet-store.ts';

/** The holds of the fleet. */
export class FleetHolds {
  readonly #parts: HoldParts;
  /** The latest hold of each circuit that was made here, and what is told when its time is over. */
  readonly #watched = new Map<Circuit, Watched>();
  #isClosed = false;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** How many processes share circuits in the store, as it knows; undefined where there is none that can hold them. */
  get nodes(): number | undefined {
    return nodesOf(fleetStoreOf(this.#parts.registry));
  }

  /** Whether a circuit can be held for the fleet; `snapshot` is what it says of itself now. */
  canHold(policy: Circuit, snapshot: object = policy.snapshot()): boolean {
    return fleetStoreOf(this.#parts.registry) !== undefined && sharingIn(snapshot) !== undefined;
  }

  /** The hold of the fleet that this process knows of: (3). `snapshot` is what the circuit says of itself now. */
  shown(policy: Circuit, snapshot: object = policy.snapshot()): ShownFleetHold | undefined {
    const ruling = sharingIn(snapshot)?.ruling;
    return ruling && shownOf(ruling, this.#parts.wallClock);
  }

  /** Holds a circuit in all processes. Throws a Problem where that cannot be, or was not confirmed. */
  async hold(id: string, { state, expiresInMs: forMs, ...author }: HoldRequest): Promise<ShownAction> {
    const target = await this.#target(id);
    const wish = { state, hold: { owner: author.actor, reason: author.reason, forMs } };
    return this.#parts.trail.add({ ...authorOf(author), ...(await this.#change(target, author, wish)) });
  }

  /** Ends the hold of a circuit in all processes, whoever made it. Throws a Problem as {@link hold} does, or where there is none. */
  async release(id: string, author: Author): Promise<ShownAction> {
    const target = await this.#target(id);
    if (this.shown(target.entry.policy) === undefined && sharingOf(target.entry.policy)?.view === 'fresh')
      throw notHeld(id);
    return this.#parts.trail.add({ ...authorOf(author), ...(await this.#change(target, author, undefined)) });
  }

  /** Forgets what was held here without ending any of it: the store counts the time. */
  close(): void {
    this.#isClosed = true; // what is answered from now on is not watched
    for (const { timer } of this.#watched.values()) timer.cancel();
    this.#watched.clear();
  }

  /** Finds what is to be held: (2). */
  async #target(id: string): Promise<Target> {
    const { registry, clock } = this.#parts;
    const entry = requireCircuit(registry, id);
    const store = fleetStoreOf(registry);
    if (store === undefined) throw noStore();
    if (sharingOf(entry.policy) === undefined) throw notShared(id);
    const answerByMs = answerLimit(clock);
    const { members } = await askStore(() => store.explain(entry.name), { clock, answerByMs });
    if (members === 0) throw notShared(id);
    return { entry, store, answerByMs };
  }

  /** Asks the store for a hold, or for its end, and says what came of it. */
  async #change(target: Target, author: Author, wish: Wish | undefined): Promise<Undone> {
    const { clock, registry, trail } = this.#parts;
    const { entry, store, answerByMs } = target;
    const before = this.shown(entry.policy) ?? null;
    const beforeEndsAt = clock.now() + (before?.remainingMs ?? 0);
    const epoch = sharingOf(entry.policy)?.ruling.epoch ?? 0;
    const note = { owner: author.actor, reason: author.reason };
    const ask = (): Promise<ExplainedRuling> =>
      wish === undefined ? store.release(entry.name, note) : store.hold(entry.name, wish.state, wish.hold);
    const doneBy = (ruling: ExplainedRuling): Undone | undefined =>
      wish === undefined && !isReleasedSince(ruling, epoch)
        ? undefined
        : this.#changed(target, { before, beforeEndsAt, ruling, author });
    const onLate = (ruling: ExplainedRuling): void => {
      const done = doneBy(ruling);
      if (done !== undefined) trail.add({ ...authorOf(author), ...done }); // (1)
    };
    const ruling = await askStore(ask, { clock, answerByMs, onLate }).catch((error: unknown) => {
      if (!mayHaveChanged(error)) throw error;
      this.#noteUnconfirmed(entry, { before, author, wish });
      if (error instanceof Problem) throw error;
      tellFailure(registry, error);
      throw failedOtherwise();
    });
    const done = doneBy(ruling);
    if (done === undefined) throw notHeld(entry.circuitId);
    return done;
  }

  #changed(target: Target, { before, beforeEndsAt, ruling, author }: Confirmed): Undone {
    const { circuitId } = target.entry;
    const after = shownOf(ruling, this.#parts.wallClock) ?? null;
    this.#watch(target.entry, ruling, author);
    const kind: ActionKind = after === null ? 'circuit.released' : 'circuit.held';
    const undo = after === null && before === null ? undefined : this.#backTo(target, { before, beforeEndsAt, ruling });
    return { deed: { kind, target: circuitId, before, after }, undo };
  }

  /** Nobody knows whether it was done: (1). */
  #noteUnconfirmed({ circuitId }: CircuitEntry, { before, author, wish }: Unconfirmed): void {
    const wanted = { scope: 'fleet', wanted: wish === undefined ? 'release' : 'hold', state: wish?.state };
    const deed: Deed = { kind: 'circuit.unconfirmed', target: circuitId, before, after: wanted };
    this.#parts.trail.add({ ...authorOf(author), deed, undo: undefined });
  }

  /** How what was just done is undone: (4). */
  #backTo({ entry, store }: Target, { before, beforeEndsAt, ruling }: Left): Undo {
    const { clock, registry } = this.#parts;
    const { circuitId, policy } = entry;
    return async (author) => {
      const target = { entry, store, answerByMs: answerLimit(clock) };
      if (!isStillIn(registry, entry)) throw changedSince(circuitId);
      requireAsLeft(circuitId, sharingOf(policy)?.ruling, ruling);
      if (before === null) return this.#change(target, author, undefined);
      const forMs = Math.floor(beforeEndsAt - clock.now());
      if (forMs < 1) throw isOver(circuitId);
      const { state, actor: owner, reason } = before;
      return this.#change(target, author, { state, hold: { owner, reason, forMs } });
    };
  }

  /** Has the end of a hold that was made here in the trail, unless somebody else was there before. */
  #watch({ policy, circuitId }: CircuitEntry, ruling: ExplainedRuling, author: Author): void {
    const known = this.#watched.get(policy);
    if (this.#isClosed || (known !== undefined && known.epoch > ruling.epoch)) return; // an answer that comes late
    known?.timer.cancel();
    this.#watched.delete(policy);
    const held = shownOf(ruling, this.#parts.wallClock);
    if (held === undefined) return;
    const look = (): void => {
      this.#watched.delete(policy);
      const now = sharingOf(policy)?.ruling;
      if (now === undefined || isReplaced(ruling, now)) return;
      if (isHeld(now) && now.epoch === ruling.epoch) return arm(Math.max(1, now.remainingMs)); // the store's clock says when
      const deed: Deed = { kind: 'circuit.hold-expired', target: circuitId, before: held, after: null };
      this.#parts.trail.add({ ...authorOf(author), deed, undo: undefined });
    };
    const arm = (ms: number): void => {
      const timer = this.#parts.clock.setTimer(look, ms);
      timer.unref();
      this.#watched.set(policy, { epoch: ruling.epoch, timer });
    };
    arm(ruling.remainingMs);
  }
}

// --- internal ---

interface Target {
  readonly entry: CircuitEntry;
  readonly store: FleetStore;
  /** When the store is waited for no longer. Milliseconds of the clock. */
  readonly answerByMs: number;
}

/** A hold that was made here. */
interface Watched {
  readonly epoch: number;
  readonly timer: Timer;
}

/** A hold that somebody wants. */
interface Wish {
  readonly state: 'open' | 'closed';
  /** As the store takes it: it refuses what it does not know. */
  readonly hold: FleetNote & { readonly forMs: number };
}

interface Confirmed {
  readonly before: ShownFleetHold | null;
  /** Milliseconds of the clock. */
  readonly beforeEndsAt: number;
  readonly ruling: ExplainedRuling;
  readonly author: Author;
}

/** How a circuit was before, and was left. */
type Left = Pick<Confirmed, 'before' | 'beforeEndsAt' | 'ruling'>;

interface Unconfirmed {
  readonly before: ShownFleetHold | null;
  readonly author: Author;
  readonly wish: Wish | undefined;
}

/**
 * Throws a Problem where the fleet has ruled anew since `left`. Of one that was released: where people have; that the circuit
 * goes on by itself is what it was released for.
 */
function requireAsLeft(id: string, now: ExplainedRuling | undefined, left: ExplainedRuling): void {
  const isByItself = now !== undefined && !isHeld(left) && !isOfPeople(now);
  if (now?.epoch !== left.epoch && !isByItself) throw changedSince(id);
  if (isHeld(left) && !isHeld(now)) throw isOver(id);
}

function authorOf({ actor, reason, role }: Author): Author {
  return { actor, reason, role };
}

/** What a store threw that no store should is told to the service, and not to who asked. */
function failedOtherwise(): Problem {
  const detail = 'the store of the fleet failed, and the service has been told; it may have been done all the same';
  return new Problem(500, `${detail}: look before you try again`, { code: 'INTERNAL', mayHaveChanged: true });
}

function noStore(): Problem {
  const detail = 'this service has no store that holds circuits for a fleet; scope "process" holds it in this process';
  return new Problem(409, detail, { code: 'NO_SHARED_STORE', field: 'scope' });
}

function notShared(id: string): Problem {
  const detail = `the circuit ${id} is shared with no other process; scope "process" holds it in this process`;
  return new Problem(409, detail, { code: 'NOT_SHARED', field: 'scope' });
}

function notHeld(id: string): Problem {
  return new Problem(409, `nobody holds the circuit ${id} for the fleet`, { code: 'NOT_HELD' });
}

function changedSince(id: string): Problem {
  const detail = `the fleet has ruled anew on ${id} since: look again`;
  return new Problem(409, detail, { code: 'CHANGED_SINCE' });
}

function isOver(id: string): Problem {
  return new Problem(409, `the hold of ${id} is over by now`, { code: 'NOT_UNDOABLE' });
}
