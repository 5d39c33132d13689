/**
 * Agenda: what is to happen in a simulated world, in the order of its time.
 *
 * Complexity: O(log n) for adding and taking; a binary heap.
 *
 * @module
 */

/** Something that is to happen. */
export interface Appointment {
  readonly at: number;
  isCancelled: boolean;
  readonly act: () => void | Promise<void>;
  /** Order among those of one instant. */
  readonly order: number;
}

/** All that is to happen. */
export class Agenda {
  private readonly heap: Appointment[] = [];
  private count = 0;
  now = 0;

  /** Lets `act` happen `delayMs` from now. */
  after(delayMs: number, act: () => void | Promise<void>): Appointment {
    const entry = { at: this.now + Math.max(0, delayMs), isCancelled: false, act, order: this.count++ };
    this.heap.push(entry);
    this.rise(this.heap.length - 1);
    return entry;
  }

  /** Takes out what happens next, if it does so before `until`, and goes on to its time. */
  next(until: number): Appointment | undefined {
    for (;;) {
      const [first] = this.heap;
      if (first === undefined || first.at > until) return undefined;
      this.dropFirst();
      if (first.isCancelled) continue;
      this.now = first.at;
      return first;
    }
  }

  // --- internal ---

  private dropFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(0);
  }

  private rise(from: number): void {
    const { heap } = this;
    const entry = heap[from] as Appointment;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Appointment;
      if (!isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  private sink(from: number): void {
    const { heap } = this;
    const entry = heap[from] as Appointment;
    let at = from;
    for (;;) {
      const child = this.earlierChild(at);
      const below = heap[child];
      if (below === undefined || !isBefore(below, entry)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = entry;
  }

  private earlierChild(at: number): number {
    const left = 2 * at + 1;
    const [one, other] = [this.heap[left], this.heap[left + 1]];
    return one !== undefined && other !== undefined && isBefore(other, one) ? left + 1 : left;
  }
}

// --- internal ---

function isBefore(one: Appointment, other: Appointment): boolean {
  return one.at === other.at ? one.order < other.order : one.at < other.at;
}
