/**
 * Context of the reference: every one hooks on its parent and sets its timer when it is made.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { CallContext } from '../side.ts';
import { cancelled, deadlineExceeded } from './errors.ts';

/** A context that can be ended. */
export class ReferenceContext implements CallContext {
  readonly clock: Clock;
  readonly deadline: number;
  readonly #parent: ReferenceContext | undefined;
  readonly #expiryCause: (() => unknown) | undefined;
  #entries: readonly Entry[] = [];
  #letGo: (() => void)[] = [];
  #isOver = false;
  #end: { readonly cause: unknown } | undefined;
  #controller: AbortController | undefined;

  constructor(clock: Clock, parent?: ReferenceContext, ms = Infinity, expiryCause: () => unknown = deadlineExceeded) {
    this.clock = clock;
    this.#parent = parent;
    const remainingMs = Math.min(ms, parent?.remainingMs() ?? Infinity);
    this.deadline = clock.now() + remainingMs;
    this.#expiryCause = ms === remainingMs && ms !== Infinity ? expiryCause : undefined;
    if (parent?.cancelled === true) this.cancel(parent.cause);
    else this.#follow();
  }

  get cancelled(): boolean {
    if (this.#end === undefined && this.#isOver) this.#lookUp();
    return this.#end !== undefined;
  }

  get cause(): unknown {
    return this.cancelled ? this.#end?.cause : undefined;
  }

  get signal(): AbortSignal {
    const controller = (this.#controller ??= new AbortController());
    if (this.cancelled) controller.abort(this.cause);
    else this.#listen((cause) => controller.abort(cause), false);
    return controller.signal;
  }

  remainingMs(): number {
    return this.deadline === Infinity ? Infinity : Math.max(0, this.deadline - this.clock.now());
  }

  /** For who only listens: told while the work goes on that the context is for. */
  onCancel(listener: (cause: unknown) => void): () => boolean {
    return this.#register(listener, false);
  }

  /** For who waits: told in any case. */
  whileWaiting(listener: (cause: unknown) => void): () => boolean {
    return this.#register(listener, true);
  }

  withTimeout(ms: number): ReferenceContext {
    return new ReferenceContext(this.clock, this, ms);
  }

  /** Ends the context; later calls change nothing. */
  cancel(cause: unknown = cancelled()): void {
    if (this.#end !== undefined) return;
    this.#end = { cause };
    if (this.#isOver) this.#controller?.abort(cause);
    this.#unfollow();
    for (let [first, ...rest] = this.#entries; first !== undefined; [first, ...rest] = this.#entries) {
      this.#entries = rest;
      first.listener(cause);
    }
  }

  /** The work is over that the context was for: who only listens is let go. */
  release(): void {
    this.#isOver = true;
    this.#entries = this.#entries.filter(({ waits }) => waits);
    if (this.#entries.length === 0) this.#unfollow();
  }

  // --- internal ---

  #register(listener: (cause: unknown) => void, waits: boolean): () => boolean {
    if (!this.cancelled) return this.#listen(listener, waits);
    listener(this.cause);
    return () => false;
  }

  #listen(listener: (cause: unknown) => void, waits: boolean): () => boolean {
    const entry: Entry = { listener, waits };
    this.#entries = [...this.#entries, entry];
    if (this.#letGo.length === 0) this.#follow();
    return () => {
      if (!this.#entries.includes(entry)) return false;
      this.#entries = this.#entries.filter((other) => other !== entry);
      if (this.#isOver && this.#entries.length === 0) this.#unfollow();
      return true;
    };
  }

  /** Hooks on the parent, and sets the timer. */
  #follow(): void {
    const hold = this.#parent?.whileWaiting((cause) => this.cancel(cause));
    if (hold !== undefined) this.#letGo.push(hold);
    const expiryCause = this.#expiryCause;
    if (expiryCause === undefined || this.#end !== undefined) return;
    const timer = this.clock.setTimer(() => this.cancel(expiryCause()), this.remainingMs());
    this.#letGo.push(() => timer.cancel());
  }

  #unfollow(): void {
    for (const letGo of this.#letGo.splice(0)) letGo();
  }

  /** Finds out what was not told any more. */
  #lookUp(): void {
    if (this.#parent?.cancelled === true) this.cancel(this.#parent.cause);
    else if (this.#expiryCause !== undefined && this.clock.now() >= this.deadline) this.cancel(this.#expiryCause());
  }
}

// --- internal ---

interface Entry {
  readonly listener: (cause: unknown) => void;
  /** Whether somebody waits for it to be told. */
  readonly waits: boolean;
}
