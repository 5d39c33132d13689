/**
 * Group: pieces of one job that run side by side, and end together: the first to fail ends the others.
 *
 *   go() ── fewer than maxConcurrent run ─► running ── settles ─► settled
 *     │                                        └── the first to fail ─► context cancelled with that error
 *     └── else ─► waits its turn ──────────────┘
 *                      └── the context has ended ─► skipped, with its cause
 *
 * Invariants
 *  (1) The first error wins, by identity; it cancels the group's context, as its cause.
 *  (2) `wait` settles when nothing runs or waits any more, whatever has failed, and then ends the context.
 *  (3) At most `maxConcurrent` pieces run at once, and they start in the order of their `go`.
 *  (4) Nothing starts once the context has ended.
 *  (5) No promise of a piece is left unhandled: whoever waits for the group need not look at them.
 *
 * Source: package errgroup, The Go Authors, https://pkg.go.dev/golang.org/x/sync/errgroup.
 * Deviation: `go` never blocks but queues; it returns the piece's own promise; (4) skips what Go would start with a context that
 * has ended; a throw is an error like any other.
 *
 * @module
 */

import {
  type CancellableContext,
  CancelledError,
  Context,
  RejectionError,
  integerInRange,
  isFunction,
  nameErrorClass,
  withKnown,
  requireContext,
} from '@holdfast/core';

import { Deferred } from '../ports/deferred.ts';

/** Options of {@link group}. Omitted ones take {@link groupDefaults}. */
export interface GroupOptions {
  /** Pieces that may run at once. Integer, 1 or more, or Infinity. @defaultValue Infinity */
  readonly maxConcurrent?: number;
}

/** Every default of {@link group}, in one place. */
export const groupDefaults: Required<GroupOptions> = Object.freeze({ maxConcurrent: Infinity });

/** A piece of work of a group. */
export type Piece<T> = (context: Context) => T | PromiseLike<T>;

/** Pieces of one job. */
export interface Group extends AsyncDisposable {
  /** The context that all pieces get: it ends with the one that was given, with the first error, and when the group is done. */
  readonly context: Context;
  /**
   * Starts `work` soon, or when it is its turn. Returns its own outcome, which need not be looked at: the group has it as well.
   * A piece may start others.
   */
  go<T>(work: Piece<T>): Promise<T>;
  /** As `go`, where it could start now; undefined, and nothing is started, where it could not. */
  tryGo<T>(work: Piece<T>): Promise<T> | undefined;
  /** Resolves when a piece could start at once: to feed a long list in, without keeping it all in the queue. Never rejects. */
  room(): Promise<void>;
  /**
   * Waits for all pieces. Resolves if none has failed or was skipped, and rejects with the first error otherwise. It may be
   * called again, and while pieces start others; when it has settled, the group takes no more.
   */
  wait(): Promise<void>;
}

/** The group is done and takes no more pieces. The work did not run. */
export class GroupDoneError extends RejectionError {
  readonly code = 'GROUP_DONE';
}

/**
 * Creates a group under `context`. With `await using`, what still runs when the block is left is cancelled and waited for.
 *
 * @param options - Options, or just `maxConcurrent`.
 * @throws ConfigError at creation, when an option is out of range.
 * @throws GroupDoneError from go and tryGo, when `wait` has settled.
 * @throws the first error from wait, unchanged; `context.cause`, when the context ended and a piece was not run for that.
 *
 * @example
 * ```ts
 * await using parts = group(context);
 * const user = parts.go((own) => users.fetch(id, own));
 * const orders = parts.go((own) => orders.list(id, own));
 * await parts.wait();
 * return page(await user, await orders);
 * ```
 */
export function group(context: Context = Context.background, options: GroupOptions | number = {}): Group {
  requireContext('group', context);
  const given = typeof options === 'number' ? { maxConcurrent: options } : options;
  const { maxConcurrent } = withKnown('group', groupDefaults, given);
  if (maxConcurrent !== Infinity) integerInRange('group.maxConcurrent', maxConcurrent, [1, Number.MAX_SAFE_INTEGER]);
  return new PieceGroup(context.withCancel(), maxConcurrent);
}

// --- internal ---

nameErrorClass(GroupDoneError, 'GroupDoneError');

/** The turn of a piece: it is resolved with the group's context when the piece may start, and rejected when it is skipped. */
class Turn extends Deferred<Context> {
  hasCome = false;
}

/** What the group fails with: a thing of its own, since an error may be undefined. */
interface Failure {
  readonly error: unknown;
}

class PieceGroup implements Group {
  readonly context: CancellableContext;
  readonly #maxConcurrent: number;
  readonly #waiting: Turn[] = [];
  #running = 0;
  #failure: Failure | undefined = undefined;
  readonly #roomSeekers: (() => void)[] = [];
  #done: Deferred<void> | undefined = undefined;
  #isDone = false;
  #stopListening: (() => unknown) | undefined = undefined;

  constructor(context: CancellableContext, maxConcurrent: number) {
    this.context = context;
    this.#maxConcurrent = maxConcurrent;
  }

  go<T>(work: Piece<T>): Promise<T> {
    isFunction('group.go work', work);
    if (this.#isDone) throw new GroupDoneError('the group is done and takes no more pieces');
    const turn = new Turn();
    const promise = turn.promise.then(work); // here, so that it runs in the async context of this call
    void this.#follow(turn, promise);
    this.#waiting.push(turn);
    this.#goOn();
    return promise;
  }

  tryGo<T>(work: Piece<T>): Promise<T> | undefined {
    if (this.#isDone || this.#hasRoom()) return this.go(work);
    isFunction('group.tryGo work', work);
    return undefined;
  }

  room(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve();
    const promise = new Promise<void>((resolve) => void this.#roomSeekers.push(resolve));
    this.#listen();
    return promise;
  }

  wait(): Promise<void> {
    if (this.#done === undefined) {
      this.#done = new Deferred();
      this.#goOn();
    }
    return this.#done.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.context.cancel(new CancelledError('the block of the group was left'));
    try {
      await this.wait();
    } catch {
      // Whoever left the block has an error of their own, or has called wait() themselves.
    }
  }

  // --- internal ---

  #hasRoom(): boolean {
    return this.context.cancelled || (this.#waiting.length === 0 && this.#running < this.#maxConcurrent);
  }

  /** Waits for the end of a piece, before whoever started it is told of it. */
  async #follow(turn: Turn, promise: Promise<unknown>): Promise<void> {
    try {
      await promise;
    } catch (error) {
      this.#fail(error); // (5)
    }
    if (!turn.hasCome) return; // it was skipped
    this.#running--;
    this.#goOn();
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return; // (1)
    this.#failure = { error };
    this.context.cancel(error);
  }

  /** Skips what comes too late, starts whose turn it is, and tells who waits for that. */
  #goOn(): void {
    while (this.#waiting.length > 0 && this.context.cancelled) this.#skip(this.#waiting.shift());
    while (this.#waiting.length > 0 && this.#running < this.#maxConcurrent) {
      this.#start(this.#waiting.shift());
    }
    if (this.#hasRoom()) for (const resolve of this.#roomSeekers.splice(0)) resolve();
    this.#listen();
    this.#finish();
  }

  #start(turn: Turn | undefined): void {
    if (turn === undefined) return;
    turn.hasCome = true;
    this.#running++; // (3)
    turn.resolve(this.context);
  }

  #skip(turn: Turn | undefined): void {
    const cause = this.#failure === undefined ? this.context.cause : this.#failure.error;
    this.#failure ??= { error: cause }; // (4): a job that was not done in full has not succeeded
    turn?.reject(cause);
  }

  /** Listens to the context only while somebody waits who must be told when it ends. */
  #listen(): void {
    if (this.#waiting.length === 0 && this.#roomSeekers.length === 0) {
      this.#stopListening?.();
      this.#stopListening = undefined;
    } else {
      this.#stopListening ??= this.context.onCancel(() => this.#goOn());
    }
  }

  /** Ends the group when it has been waited for and is through. */
  #finish(): void {
    const isThrough = this.#running === 0 && this.#waiting.length === 0;
    if (this.#done === undefined || this.#isDone || !isThrough) return;
    this.#isDone = true;
    this.context.cancel(new CancelledError('the group is done')); // (2)
    if (this.#failure === undefined) this.#done.resolve();
    else this.#done.reject(this.#failure.error);
  }
}
