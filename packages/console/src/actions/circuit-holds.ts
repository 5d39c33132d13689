/**
 * Circuit holds: circuits of this process that people keep in a state through the API, for a limited time. Those of all
 * processes are in `fleet-holds.ts`.
 *
 *   hold ─► held ── its time is over ─► released by itself, which is in the trail
 *            ├───── release, undo ────► released
 *            └───── hold ─────────────► held otherwise: the API has one hold per circuit
 *
 * Invariants
 *  (1) A hold ends at its expiry whatever becomes of this object: the circuit itself counts its time.
 *  (2) Holds of others, such as controllers and other endpoints of the same registry, are shown and left alone.
 *  (3) Everything that is done is in the trail, the end of a hold by time included.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import type { Clock, Registry, Timer } from '@holdfast/core';

import { Problem } from '../api/problem.ts';
import { type Circuit, type CircuitEntry, isStillIn, requireCircuit } from '../policies/catalogue.ts';
import { type WallClock, isoTimeOf } from '../wall-clock.ts';
import type { ActionTrail, Author, Deed, ShownAction, Undo } from './action-trail.ts';

/** Where something is done: in this process, or in all that share it. */
export type Scope = 'process' | 'fleet';

/** A hold that was made through the API, as it is shown. */
export interface ShownHold {
  readonly scope: 'process';
  readonly state: 'open' | 'closed';
  readonly actor: string;
  readonly reason: string;
  /** Calendar times, ISO 8601, UTC. What counts is `remainingMs`, which does not move when the calendar is set. */
  readonly setAt: string;
  readonly expiresAt: string;
  readonly remainingMs: number;
}

/** What somebody asks for. */
export interface HoldRequest extends Author {
  readonly state: 'open' | 'closed';
  readonly expiresInMs: number;
}

/** What holds work on. */
export interface HoldParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly trail: ActionTrail;
}

/** The longest that a circuit is held: 24 hours. What should last longer is configuration. */
export const MAX_HOLD_MS = 86_400_000;

/** The holds of the API. */
export class CircuitHolds {
  readonly #parts: HoldParts;
  readonly #held = new Map<Circuit, Held>();
  /** How often the hold of a circuit has changed. */
  readonly #changeCounts = new WeakMap<Circuit, number>();
  /** Who holds, to the circuit. Of this object alone: an owner has one hold, and its next takes the place of that. */
  readonly #owner = `console ${randomUUID().slice(0, 8)}`; // (2)

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** Holds a circuit. Throws a Problem where there is none of that id, or it cannot be held. */
  hold(id: string, request: HoldRequest): ShownAction {
    const entry = requireCircuit(this.#parts.registry, id);
    const before = this.shown(entry.policy);
    this.#set(entry, request);
    const deed: Deed = { kind: 'circuit.held', target: id, before: before ?? null, after: this.shown(entry.policy) };
    return this.#parts.trail.add({ ...request, deed, undo: this.#backTo(entry, before) });
  }

  /** Ends the hold of a circuit. Throws a Problem where there is no such circuit, or no such hold. */
  release(id: string, author: Author): ShownAction {
    const entry = requireCircuit(this.#parts.registry, id);
    const before = this.shown(entry.policy);
    if (before === undefined) throw notHeld(id);
    this.#end(entry.policy);
    const deed: Deed = { kind: 'circuit.released', target: id, before, after: null };
    return this.#parts.trail.add({ ...author, deed, undo: this.#backTo(entry, before) });
  }

  /** Forgets all holds without ending any: the circuits count their time themselves. */
  close(): void {
    for (const { timer } of this.#held.values()) timer.cancel();
    this.#held.clear();
  }

  #set(entry: CircuitEntry, { state, expiresInMs, actor, reason, role }: HoldRequest): void {
    const { policy, circuitId } = entry;
    const { clock, wallClock } = this.#parts;
    if (typeof policy.hold !== 'function')
      throw new Problem(409, `the circuit ${circuitId} cannot be held`, { code: 'NOT_HOLDABLE' });
    const hold = policy.hold(state, { owner: this.#owner, forMs: expiresInMs, reason: `${actor}: ${reason}` }); // (1)
    this.#held.get(policy)?.timer.cancel();
    const timer = clock.setTimer(() => this.#expire(entry), expiresInMs);
    timer.unref();
    const setAtMs = wallClock();
    this.#noteChange(policy);
    this.#held.set(policy, { hold, timer, state, actor, reason, role, setAtMs, endsAt: clock.now() + expiresInMs });
  }

  #end(policy: Circuit): void {
    const held = this.#held.get(policy);
    held?.timer.cancel();
    this.#noteChange(policy);
    this.#held.delete(policy);
    held?.hold.release();
  }

  #noteChange(policy: Circuit): void {
    this.#changeCounts.set(policy, this.#changesOf(policy) + 1);
  }

  #changesOf(policy: Circuit): number {
    return this.#changeCounts.get(policy) ?? 0;
  }

  #expire({ circuitId, policy }: CircuitEntry): void {
    const held = this.#held.get(policy);
    if (held === undefined) return;
    const before = this.shown(policy) ?? null;
    this.#end(policy); // its time is over: this tells those who listen to the circuit
    const { actor, reason, role } = held;
    const deed: Deed = { kind: 'circuit.hold-expired', target: circuitId, before, after: null };
    this.#parts.trail.add({ deed, undo: undefined, actor, reason, role }); // (3)
  }

  /** The hold of a circuit; undefined where there is none. */
  shown(policy: Circuit): ShownHold | undefined {
    const held = this.#held.get(policy);
    if (held === undefined) return undefined;
    const { clock, wallClock } = this.#parts;
    const { state, actor, reason, setAtMs, endsAt } = held;
    const remainingMs = Math.max(0, Math.ceil(endsAt - clock.now()));
    const expiresAt = isoTimeOf(wallClock() + remainingMs);
    return { scope: 'process', state, actor, reason, setAt: isoTimeOf(setAtMs), expiresAt, remainingMs };
  }

  /** How what was just done is undone: back to the hold that there was, for what was left of it, or to none. */
  #backTo(entry: CircuitEntry, previous: ShownHold | undefined): Undo {
    const changes = this.#changesOf(entry.policy);
    const endsAt = this.#parts.clock.now() + (previous?.remainingMs ?? 0);
    return (author) => {
      const { circuitId, policy } = entry;
      const isChanged = this.#changesOf(policy) !== changes;
      if (isChanged || !isStillIn(this.#parts.registry, entry)) throw changedSince(circuitId);
      const leftMs = Math.floor(endsAt - this.#parts.clock.now());
      if (previous !== undefined && leftMs < 1)
        throw new Problem(409, `the hold of ${circuitId} would be over by now`, { code: 'NOT_UNDOABLE' });
      const before = this.shown(policy);
      if (previous === undefined) this.#end(policy);
      else this.#set(entry, { ...previous, role: author.role, expiresInMs: leftMs });
      const after = this.shown(policy) ?? null;
      const kind = previous === undefined ? 'circuit.released' : 'circuit.held';
      return { deed: { kind, target: circuitId, before: before ?? null, after }, undo: this.#backTo(entry, before) };
    };
  }
}

// --- internal ---

interface Held extends Author {
  readonly hold: { release(): boolean };
  readonly timer: Timer;
  readonly state: 'open' | 'closed';
  readonly setAtMs: number;
  /** On the clock. */
  readonly endsAt: number;
}

function notHeld(id: string): Problem {
  const detail = `nobody holds the circuit ${id} in this process through this API; holds of others end by their owner or their time`;
  return new Problem(409, detail, { code: 'NOT_HELD' });
}

function changedSince(id: string): Problem {
  return new Problem(409, `the hold of ${id} has changed since: look again`, { code: 'CHANGED_SINCE' });
}
