/**
 * Violation: an invariant of the fleet that did not hold, by its number.
 *
 * @module
 */

/** What each invariant says that is checked here; the numbers are those of the protocol page. */
export const invariants = Object.freeze({
  I1: 'every change of a ruling has a higher epoch, and the clock of a ledger never falls within its history',
  I2: 'the pair of epoch and rank that a node goes by never falls',
  I3: 'no more than K leases are believed in by their holders at any instant',
  I4: 'a closed circuit opens only by evidence from after its closing that is not too old',
  I5: 'a half-open circuit closes only by enough successes with leases of its round that have not expired',
  I6: 'a round grants no more than S + F - 1 leases that count, and ends when more than V are lost',
  I7: 'when all faults have stopped, two syncs make every node equal to the ledger',
  I8: 'a request that is executed again makes no second transition, grants no second lease and counts nothing twice',
  I9: 'no time left exceeds its span; nothing probes, or asks to, before the open time is over',
  I10: 'no ruling is replaced by one that was born earlier',
  I13: 'where there is demand a probe is granted in bounded time, and runs alone where the ledger is away',
  I14: 'every key has a time to live',
  I18: 'a lone probe runs only after the hold-off, once per open time, and one at a time',
  I19: 'the fleet opens only by the good ballots of enough distinct nodes at one epoch',
  I20: 'what is counted in the window of a fleet has happened under its epoch, and is counted once',
  I21: 'what a node does in spite of the ruling ends with the ruling that it was formed under',
  I22: 'a lease is used by one call at most, and given back when nobody uses it',
});

/** The number of an invariant. */
export type Invariant = keyof typeof invariants;

/** An invariant did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: Invariant;

  constructor(invariant: Invariant, what: string) {
    super(`${invariant} (${invariants[invariant]}): ${what}`);
    this.invariant = invariant;
  }
}

/** Fails by the number of an invariant, unless `isTrue`. */
export function holds(invariant: Invariant, isTrue: boolean, what: () => string): void {
  if (!isTrue) throw new Violation(invariant, what());
}
