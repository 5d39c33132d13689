/**
 * Waiting line: calls that wait for their turn, in the order in which they came, with one timer for the first of them.
 *
 *   join ─► waiting ── shift, its turn ─────────────► handed out
 *              └────── its context ends ─► refused (cause)
 *
 * Invariants
 *  (1) Calls are handed out in the order in which they joined.
 *  (2) A call whose context ends leaves at once, is refused with the cause, and is never handed out.
 *  (3) There is at most one timer, and none while nobody waits.
 *
 * @module
 */

import type { Watcher } from '../../kernel/cancel-scope.ts';
import { type Clock, type Timer, UNREAD } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import type { Handler, Operation, Sink } from '../../kernel/handler.ts';
import { type Link, LinkedList, unlink } from '../../kernel/linked-list.ts';

/** A call that came too soon. */
export interface Arrival {
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
}

/** Calls that wait for their turn. */
export class WaitingLine {
  length = 0;
  private readonly places = new LinkedList();
  private readonly clock: Clock;
  private readonly onTurn: () => void;
  private timer: Timer | undefined = undefined;

  /** @param onTurn - Called when the time given to `wakeAfter` has passed and somebody still waits. */
  constructor(clock: Clock, onTurn: () => void) {
    this.clock = clock;
    this.onTurn = onTurn;
  }

  /** Appends a call. Returns false, and does not, when its context has ended. */
  join(arrival: Arrival): boolean {
    const place = new Place(this, arrival);
    if (!scopeOf(arrival.context).watch(place.watcher)) return false;
    this.places.append(place);
    this.length++;
    return true;
  }

  /** Hands out the call that has waited longest, or undefined where nobody is left to wait. */
  shift(): Arrival | undefined {
    for (
      let place = this.places.shift() as Place | undefined;
      place;
      place = this.places.shift() as Place | undefined
    ) {
      this.length--;
      const scope = scopeOf(place.arrival.context);
      if (scope.ended) continue; // (2): the watcher was told, or is about to be
      scope.unwatch(place.watcher);
      return place.arrival; // (1)
    }
    return undefined;
  }

  /** Sets the timer, unless it is set already. */
  wakeAfter(delayMs: number): void {
    if (this.length === 0) return; // (3)
    this.timer ??= this.clock.setTimer(() => this.wake(), delayMs);
  }

  /** Stops the timer. */
  sleep(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Takes an abandoned call out of the line. */
  leave(place: Place): void {
    if (!unlink(place)) return; // it was about to be handed out
    this.length--;
    if (this.length === 0) this.sleep(); // (3)
  }

  private wake(): void {
    this.timer = undefined;
    this.onTurn();
  }
}

// --- internal ---

class Place implements Link {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly arrival: Arrival;
  readonly watcher: PlaceWatcher;
  private readonly line: WaitingLine;

  constructor(line: WaitingLine, arrival: Arrival) {
    this.line = line;
    this.arrival = arrival;
    this.watcher = new PlaceWatcher(this);
  }

  abandon(cause: unknown): void {
    this.line.leave(this);
    this.arrival.sink.refuse(cause, UNREAD); // (2)
  }
}

class PlaceWatcher implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly place: Place;

  constructor(place: Place) {
    this.place = place;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  onEnd(cause: unknown): void {
    this.place.abandon(cause);
  }
}
