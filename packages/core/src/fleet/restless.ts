/**
 * Restless: the circuits of a node that may have something to say, so that those that are at rest cost nothing.
 *
 * Invariants
 *  (1) What has nothing to say any more is forgotten when it is next looked at.
 *
 * @module
 */

/** What may have something to say. */
export interface Speaker {
  /** When. Milliseconds; -Infinity for at once, Infinity for never. */
  dueAt(): number;
}

/** Those that may have something to say. */
export class Restless<S extends Speaker> {
  private readonly speakers = new Set<S>();

  /** Something has happened to one. Returns when it has something to say. Milliseconds. */
  note(speaker: S): number {
    const dueAt = speaker.dueAt();
    if (dueAt < Infinity) this.speakers.add(speaker);
    return dueAt;
  }

  forget(speaker: S): void {
    this.speakers.delete(speaker);
  }

  /** When the first has something to say. Milliseconds; Infinity where none has. */
  firstAt(): number {
    let at = Infinity;
    for (const speaker of this.speakers) {
      const dueAt = speaker.dueAt();
      if (dueAt === Infinity) this.speakers.delete(speaker); // (1)
      else if (dueAt < at) at = dueAt;
    }
    return at;
  }

  /** Those that have something to say at `now`. */
  due(now: number): readonly S[] {
    return [...this.speakers].filter((speaker) => speaker.dueAt() <= now);
  }
}
