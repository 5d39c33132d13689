/**
 * Linked list: an intrusive, doubly linked ring. The members are the links, so joining and leaving allocate nothing.
 *
 * Invariants
 *  (1) A link is in at most one list at a time.
 *  (2) Joining and leaving take constant time; members stand in the order in which they joined.
 *  (3) A link that left refers to no neighbour, so it retains nothing.
 *
 * @module
 */

/** What an object needs to be a member of a {@link LinkedList}. Both start as undefined and belong to the list. */
export interface Link {
  previous: Link | undefined;
  next: Link | undefined;
}

/** An intrusive list of links. */
export class LinkedList implements Link {
  previous: Link | undefined = this; // the ring closes on the list itself
  next: Link | undefined = this;

  get isEmpty(): boolean {
    return this.next === this;
  }

  /** The member that has been here longest, or undefined. */
  get first(): Link | undefined {
    return this.next === this ? undefined : this.next;
  }

  /** Appends `link`, which must be in no list. */
  append(link: Link): void {
    const last = this.previous as Link;
    link.previous = last;
    link.next = this;
    last.next = link;
    this.previous = link;
  }

  /** Removes and returns the first member, or undefined when there is none. */
  shift(): Link | undefined {
    const { first } = this;
    if (first !== undefined) unlink(first);
    return first;
  }
}

/** Takes `link` out of the list in which it is. Returns whether it was in one. */
export function unlink(link: Link): boolean {
  const { previous, next } = link;
  if (previous === undefined || next === undefined) return false;
  previous.next = next;
  next.previous = previous;
  link.previous = undefined;
  link.next = undefined;
  return true;
}
