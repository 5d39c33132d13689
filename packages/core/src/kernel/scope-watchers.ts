/**
 * Scope watchers: who wants to be told when a scope ends, and how they are told, those of the scopes below included.
 *
 * Invariants
 *  (1) Watchers are told in the order in which they came, and what watches a scope below in the place of that scope.
 *  (2) However deep the scopes below are, nothing calls itself along them.
 *
 * @module
 */

import { CancelledError, PLAIN_CANCEL } from './cancellation.ts';
import { type Link, LinkedList, unlink } from './linked-list.ts';
import type { Watcher } from './watcher.ts';

/** The watchers of a scope, which may itself watch another. Its fields are plain for speed. */
export abstract class ScopeWatchers implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;

  /** What they are told; {@link PLAIN_CANCEL} until somebody asks. */
  protected storedCause: unknown = undefined;
  protected waitedForCount = 0;
  /** The only watcher, as most often; further ones are in the list. */
  private watcher: Watcher | undefined = undefined;
  private watchers: LinkedList | undefined = undefined;

  abstract get leavesAt(): number;
  abstract onEnd(cause: unknown): void;

  get isWaitedFor(): boolean {
    return this.waitedForCount > 0;
  }

  /** Why the scope has ended; the same object whenever it is asked. */
  protected get endCause(): unknown {
    if (this.storedCause === PLAIN_CANCEL) this.storedCause = new CancelledError();
    return this.storedCause;
  }

  protected get isUnwatched(): boolean {
    return this.watcher === undefined && this.watchers === undefined;
  }

  protected addWatcher(watcher: Watcher): void {
    if (this.isUnwatched) this.watcher = watcher;
    else (this.watchers ??= new LinkedList()).append(watcher);
  }

  /** Returns whether it was there. */
  protected removeWatcher(watcher: Watcher): boolean {
    if (this.watcher === watcher) this.watcher = undefined;
    else if (!unlink(watcher)) return false;
    if (this.watchers?.isEmpty === true) this.watchers = undefined;
    return true;
  }

  protected watcherList(): Watcher[] {
    const list: Watcher[] = this.watcher === undefined ? [] : [this.watcher];
    for (let link = this.watchers?.first; link !== undefined && link !== this.watchers; link = link.next)
      list.push(link as Watcher);
    return list;
  }

  /** Tells all that the scope has ended. */
  protected tellWatchers(): void {
    if (told === this) told = undefined;
    else ScopeWatchers.tell(this);
  }

  private static tell(ended: ScopeWatchers): void {
    let scope = ended;
    let above: ScopeWatchers[] | undefined;
    for (;;) {
      const watcher = scope.nextWatcher();
      if (watcher instanceof ScopeWatchers) {
        if (!leavesRest(watcher, scope.endCause)) continue;
        (above ??= []).push(scope); // (1), (2)
        scope = watcher;
      } else if (watcher !== undefined) watcher.onEnd(scope.endCause);
      else {
        const next = above?.pop();
        if (next === undefined) return;
        scope = next;
      }
    }
  }

  private nextWatcher(): Watcher | undefined {
    const { watcher } = this;
    this.watcher = undefined;
    return watcher ?? (this.watchers?.shift() as Watcher | undefined);
  }
}

// --- internal ---

/** The scope that is being told that the one above it has ended; whoever tells it goes on with its watchers. */
let told: ScopeWatchers | undefined;

/** Tells a scope that the one above it has ended. Returns whether it leaves its own watchers to whoever tells. */
function leavesRest(scope: ScopeWatchers, cause: unknown): boolean {
  told = scope;
  scope.onEnd(cause);
  const isLeft = told === undefined;
  told = undefined;
  return isLeft;
}
