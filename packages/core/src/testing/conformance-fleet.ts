/**
 * Conformance fleet: what the conformance suite of circuit stores is run on, and the fleet that a case works with.
 *
 * @module
 */

import type { CircuitStore, SharingExplanation } from '../kernel/circuit-store.ts';

/** A breaker, as far as the suite uses it. `circuitBreaker` makes such. */
export interface ConformanceBreaker extends Disposable {
  readonly state: string;
  tryAcquire(): { success(): void; failure(): void; ignore(): void } | undefined;
  snapshot(): {
    readonly passRatio: number;
    readonly reopenings: number;
    readonly fleet: SharingExplanation | undefined;
  };
}

/** Options that the suite gives to breakers. Times in milliseconds. */
export interface ConformanceOptions {
  readonly name: string;
  readonly minimumCalls: number;
  readonly openForMs: number;
  readonly openBackoffRatio: number;
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
  readonly rampUpMs: number;
}

/** What the suite is run on. */
export interface CircuitStoreSubject {
  /** Makes so many nodes of one fleet that nobody has used yet, called `n0`, `n1` and so on, with the default quorum. */
  stores(count: number): Promise<readonly CircuitStore[]>;
  /** Makes a breaker that shares its circuit through `store`. */
  breaker(store: CircuitStore, options: ConformanceOptions): ConformanceBreaker;
  /** Holds a circuit for the whole fleet, or ends that with `auto`. */
  hold(store: CircuitStore, name: string, state: 'open' | 'closed' | 'auto', forMs: number): Promise<unknown>;
  /** Lets time pass until `condition` is true; rejects where it is not within so many milliseconds. */
  until(condition: () => boolean, withinMs: number): Promise<void>;
}

/** The right to one call. */
type ConformancePermit = NonNullable<ReturnType<ConformanceBreaker['tryAcquire']>>;

/** A fleet whose nodes have one breaker each, all of one name. */
export interface ConformanceFleet {
  readonly name: string;
  readonly stores: readonly CircuitStore[];
  readonly breakers: readonly ConformanceBreaker[];
  /** The states of all breakers, each once. */
  readonly states: () => string;
  /** Lets the breaker of that node fail until it opens. */
  readonly fail: (node: number) => void;
  /** Waits until all breakers are in that state. */
  readonly all: (state: string) => Promise<void>;
  /** Opens all. */
  readonly open: () => Promise<void>;
  /** Asks all breakers that are not closed for a call. */
  readonly acquire: () => ConformancePermit[];
  /** Asks until so many calls run. */
  readonly probes: (count: number, withinMs?: number) => Promise<ConformancePermit[]>;
  /** Lets time pass, and looks again and again meanwhile. */
  readonly pass: (ms: number, look?: () => unknown) => Promise<void>;
}

/** Makes a fleet, waits until its nodes know each other, lets `run` work with it, and closes it. */
export async function fleetOf(
  subject: CircuitStoreSubject,
  count: number,
  options: Partial<ConformanceOptions>,
  run: (fleet: ConformanceFleet) => Promise<void>,
): Promise<void> {
  const stores = await subject.stores(count);
  try {
    const given = { ...defaults, ...options };
    const fleet = new Fleet(
      subject,
      stores,
      stores.map((store) => subject.breaker(store, given)),
    );
    await subject.until(() => stores.every((store) => knowsAll(store, count)), WITHIN_MS);
    await fleet.pass(given.probeLeaseMs + SETTLING_MS); // a ledger that begins grants nothing for the time of a lease
    await run(fleet);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

/** Throws where something is not as it must be. */
export function assertThat(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise);
}

// --- internal ---

/** Time within which whatever is to happen does. Milliseconds. */
const WITHIN_MS = 10_000;

const SETTLING_MS = 200;

const defaults: ConformanceOptions = Object.freeze({
  name: 'prices',
  minimumCalls: 2,
  openForMs: 1000,
  openBackoffRatio: 1,
  maxProbes: 1,
  probeSuccessRatio: 1,
  probeLeaseMs: 400,
  rampUpMs: 0,
});

function knowsAll(store: CircuitStore, count: number): boolean {
  const { mode, nodes } = store.health();
  return mode === 'shared' && nodes === count;
}

function isRuledOpen(breaker: ConformanceBreaker): boolean {
  return breaker.snapshot().fleet?.ruling.state === 'open';
}

class Fleet implements ConformanceFleet {
  readonly name = defaults.name;
  readonly stores: readonly CircuitStore[];
  readonly breakers: readonly ConformanceBreaker[];
  private readonly subject: CircuitStoreSubject;

  constructor(subject: CircuitStoreSubject, stores: readonly CircuitStore[], breakers: readonly ConformanceBreaker[]) {
    this.subject = subject;
    this.stores = stores;
    this.breakers = breakers;
  }

  states = (): string => [...new Set(this.breakers.map(({ state }) => state))].join();

  fail = (node: number): void => {
    for (let call = 0; call < 2; call++) this.breakers[node]?.tryAcquire()?.failure();
  };

  all = async (state: string): Promise<void> => {
    try {
      await this.subject.until(() => this.states() === state, WITHIN_MS);
    } catch (error) {
      throw new Error(`not all are ${state}: they are ${this.states()}`, { cause: error });
    }
  };

  open = async (): Promise<void> => {
    this.fail(0);
    this.fail(1);
    await this.subject.until(() => this.breakers.every(isRuledOpen), WITHIN_MS);
  };

  acquire = (): ConformancePermit[] =>
    this.breakers.flatMap((breaker) => (breaker.state === 'closed' ? [] : (breaker.tryAcquire() ?? [])));

  probes = async (count: number, withinMs: number = WITHIN_MS): Promise<ConformancePermit[]> => {
    const permits: ConformancePermit[] = [];
    await this.subject.until(() => permits.push(...this.acquire()) >= count, withinMs);
    return permits;
  };

  pass = (ms: number, look: () => unknown = () => {}): Promise<void> =>
    this.subject
      .until(() => {
        look();
        return false;
      }, ms)
      .catch(() => {});
}
