/**
 * Action trail: what was done through the API, oldest first, by whom and why, each with the hash of the one before; and how
 * each of them is undone.
 *
 *   done ─► action { who, why, what it was before, what it is now } ─► kept ─► told to whoever watches
 *                └─ how it is undone ── undo ─► done again, the other way: an action as well
 *
 * Invariants
 *  (1) It holds at most `MAX_ACTIONS` actions and drops the oldest first, and with it how it is undone.
 *  (2) An action that is changed, inserted, dropped or moved between others breaks the chain of hashes.
 *  (3) An action is undone once, and only where nothing has changed since what it did.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { Role } from '@holdfast/degradation';

import { Problem } from '../api/problem.ts';
import { type WallClock, isoTimeOf } from '../wall-clock.ts';

/** Who does something, and why. */
export interface Author {
  /** Who says that they do it: a person or a program. */
  readonly actor: string;
  readonly reason: string;
  /** What the token allows. */
  readonly role: Role;
}

/** What can be done. */
export type ActionKind =
  | 'circuit.held'
  | 'circuit.released'
  | 'circuit.hold-expired'
  | 'circuit.unconfirmed'
  | 'feature.set'
  | 'feature.restored'
  | 'policy.changed';

/** What was done to what. */
export interface Deed {
  readonly kind: ActionKind;
  /** The id of the circuit or policy, or the name of the feature. */
  readonly target: string;
  /** What it was, and what it is: plain data. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Something that was done. */
export interface Action extends Deed, Author {
  readonly id: string;
  /** Calendar time, ISO 8601, UTC. */
  readonly at: string;
  /** The id of the action that this one undid. */
  readonly undoes: string | undefined;
  readonly previousHash: string;
  readonly hash: string;
}

/** Undoes what was done. Throws a Problem where that cannot be done any more; then nothing has changed. */
export type Undo = (author: Author) => Undone | Promise<Undone>;

/** What undoing did, and how that is undone in turn. */
export interface Undone {
  readonly deed: Deed;
  readonly undo: Undo | undefined;
}

/** What was done, and how it is undone; undefined where it cannot be. */
export interface Done extends Author {
  readonly deed: Deed;
  readonly undo: Undo | undefined;
  readonly undoes?: string;
}

/** Actions, as they are shown. */
export interface ShownAction extends Action {
  readonly isUndoable: boolean;
}

/** A bounded list of actions. */
export class ActionTrail {
  readonly #wallClock: WallClock;
  readonly #actions: Action[] = [];
  readonly #undos = new Map<string, Undo>();
  #count = 0;
  #lastHash = '';
  readonly #listeners: ((action: ShownAction) => void)[] = [];

  constructor(wallClock: WallClock) {
    this.#wallClock = wallClock;
  }

  /** Tells `listener` each action. It must not throw. */
  listen(listener: (action: ShownAction) => void): void {
    this.#listeners.push(listener);
  }

  /** Keeps what was done. */
  add({ deed, undo, undoes, actor, reason, role }: Done): ShownAction {
    const id = String(++this.#count);
    const at = isoTimeOf(this.#wallClock());
    const content = { id, at, ...deed, actor, reason, role, undoes, previousHash: this.#lastHash };
    const action: Action = Object.freeze({ ...content, hash: hashOf(content) });
    this.#lastHash = action.hash;
    this.#actions.push(action);
    if (undo !== undefined) this.#undos.set(id, undo);
    if (this.#actions.length > MAX_ACTIONS) this.#undos.delete((this.#actions.shift() as Action).id); // (1)
    const shown = this.#show(action);
    for (const listener of this.#listeners) listener(shown);
    return shown;
  }

  /** Undoes an action. Throws a Problem where that is not known, or cannot be undone any more. */
  async undo(id: string, author: Author): Promise<ShownAction> {
    const undo = this.#undos.get(id);
    if (undo === undefined) throw this.#notUndoable(id);
    this.#undos.delete(id); // (3): also while it is being undone
    try {
      const done = await undo(author);
      return this.add({ ...done, ...author, undoes: id });
    } catch (error) {
      if (this.#actions.some((action) => action.id === id)) this.#undos.set(id, undo); // (1)
      throw error;
    }
  }

  /** Returns a copy, oldest first. */
  list(): readonly ShownAction[] {
    return this.#actions.map((action) => this.#show(action));
  }

  #show(action: Action): ShownAction {
    return { ...action, isUndoable: this.#undos.has(action.id) };
  }

  #notUndoable(id: string): Problem {
    if (this.#actions.some((action) => action.id === id))
      return new Problem(409, `action ${id} cannot be undone, or has been already`, { code: 'NOT_UNDOABLE' });
    return new Problem(404, `there is no action ${JSON.stringify(id.slice(0, 60))}`, { code: 'NOT_FOUND' });
  }
}

/** Returns the position of the first action that does not follow from the one before; undefined when all do. */
export function findChangedAction(actions: readonly Action[]): number | undefined {
  const position = actions.findIndex((action, index) => {
    const before = actions[index - 1];
    return (before !== undefined && before.hash !== action.previousHash) || hashOf(action) !== action.hash; // (2)
  });
  return position < 0 ? undefined : position;
}

// --- internal ---

const MAX_ACTIONS = 1000;

function hashOf(action: Omit<Action, 'hash'>): string {
  const { previousHash, id, at, kind, target, before, after, actor, reason, role, undoes } = action;
  const content = [previousHash, id, at, kind, target, before, after, actor, reason, role, undoes ?? ''];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
