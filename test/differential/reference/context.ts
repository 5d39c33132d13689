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
  cancelled = false;
  cause: unknown = undefined;
  readonly #listeners = new Set<(cause: unknown) => void>();
  readonly #letGo: (() => void)[] = [];
  #controller: AbortController | undefined;

  constructor(clock: Clock, parent?: ReferenceContext, ms = Infinity, expiryCause: () => unknown = deadlineExceeded) {
    this.clock = clock;
    const remainingMs = Math.min(ms, parent?.remainingMs() ?? Infinity);
    this.deadline = clock.now() + remainingMs;
    if (parent?.cancelled === true) this.cancel(parent.cause);
    if (parent !== undefined) this.#letGo.push(parent.#listen((cause) => this.cancel(cause)));
    if (ms === remainingMs && ms !== Infinity) {
      const timer = clock.setTimer(() => this.cancel(expiryCause()), ms);
      this.#letGo.push(() => timer.cancel());
    }
  }

  get signal(): AbortSignal {
    const controller = (this.#controller ??= new AbortController());
    if (this.cancelled) controller.abort(this.cause);
    else this.#listen((cause) => controller.abort(cause));
    return controller.signal;
  }

  remainingMs(): number {
    return this.deadline === Infinity ? Infinity : Math.max(0, this.deadline - this.clock.now());
  }

  onCancel(listener: (cause: unknown) => void): () => boolean {
    if (this.cancelled) listener(this.cause);
    else return this.#listen(listener);
    return () => false;
  }

  withTimeout(ms: number): ReferenceContext {
    return new ReferenceContext(this.clock, this, ms);
  }

  /** Ends the context; later calls change nothing. */
  cancel(cause: unknown = cancelled()): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.cause = cause;
    this.detach();
    for (const listener of this.#listeners) {
      this.#listeners.delete(listener);
      listener(cause);
    }
  }

  /** Stops following parent and time: the work is over. */
  detach(): void {
    for (const letGo of this.#letGo.splice(0)) letGo();
  }

  #listen(listener: (cause: unknown) => void): () => boolean {
    const own = (cause: unknown): void => listener(cause);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}
