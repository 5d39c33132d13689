/**
 * Circuit store: the port through which a circuit breaker shares its circuit with the breakers of that name in other processes.
 *
 * The breaker decides every call from memory. It tells its store what happened, and the store tells it what the fleet has
 * ruled, both beside the calls: nothing here returns a promise to a call, waits, or throws.
 *
 *   breaker ── join ─► store            breaker ◄── follow ── store
 *       tripped, recovered, probe, settle ─►
 *
 * Invariants of every store
 *  (1) No method of a {@link SharedCircuit} does I/O in the caller's turn, returns a promise or throws.
 *  (2) A probe lease is used by one call, and is settled once; later settlements change nothing.
 *  (3) Joining changes nothing in the store: only what happens to calls does.
 *  (4) After `leave` the member is not told anything any more, and the store keeps nothing of it.
 *
 * @module
 */

/** What a fleet can rule on one circuit. */
export type RuledState = 'closed' | 'half-open' | 'open' | 'forced-open' | 'forced-closed';

/** What a member is to be from now on. */
export interface FollowedState {
  readonly state: RuledState;
  /**
   * Time left: of the open time, of the hold, or until a circuit that closed lets all calls through. Milliseconds; 0 where
   * there is none.
   */
  readonly remainingMs: number;
  /** How often in a row the probes had failed. */
  readonly reopenings: number;
  /** Whether what the member has seen so far counts no longer: the fleet has ruled anew. */
  readonly isNew: boolean;
  /** Which rule opened the circuit, by the name that it has for a breaker; undefined where nobody said. */
  readonly reason: string | undefined;
  /** Who holds a forced circuit; undefined where nobody does. */
  readonly owner: string | undefined;
}

/** How a member decides, as far as the fleet must know. Times in milliseconds. */
export interface MemberRules {
  /** Probes of one half-open round, and how many may run at once. Integer, 1 to 1 000. */
  readonly maxProbes: number;
  /** Successes that close the circuit; so many failures that these cannot be reached open it. Integer, 1 to `maxProbes`. */
  readonly neededSuccesses: number;
  readonly probeLeaseMs: number;
  readonly openForMs: number;
  readonly openBackoffRatio: number;
  readonly maxOpenForMs: number;
  readonly rampUpMs: number;
  /** How far back the member looks at most. Infinity where it counts calls, whenever they were. */
  readonly evidenceSpanMs: number;
  /** Buckets of a time window; undefined for other windows. */
  readonly bucketMs: number | undefined;
  readonly failureRatio: number;
  readonly minimumCalls: number;
  /** Whether it tells the fleet what it finds: not while it only observes, or is off. */
  readonly proposes: boolean;
  /** Same for members that decide alike: for a warning where they do not. */
  readonly fingerprint: string;
}

/** Calls that count in a member's current state entry. */
export interface MemberTally {
  readonly successes: number;
  readonly failures: number;
}

/** Calls of a member's window that belong together. */
export interface MemberRun extends MemberTally {
  /** How long ago they were. Milliseconds. */
  readonly ageMs: number;
}

/** A breaker, as its store sees it. */
export interface CircuitMember {
  /** The name by which the fleet knows the circuit. */
  readonly name: string;
  /** The rules in force now. */
  readonly memberRules: MemberRules;
  /** What has been counted since the state was entered. */
  tally(): MemberTally;
  /** What the window holds now. */
  recent(): readonly MemberRun[];
  /** Takes up what the fleet has ruled, or what this process decides while the fleet cannot. Never throws. */
  follow(state: FollowedState): void;
}

/** The right to run one probe, or `own` where the member decides by itself, or `none` where nobody grants one now. */
export type ProbeAnswer = ProbeLease | 'own' | 'none';

/** The right to run one probe. Settle it exactly once. */
export interface ProbeLease {
  /** Time for which it is good, from when it was handed out. Milliseconds. */
  readonly remainingMs: number;
  /** Takes the verdict. `retryAfterMs` is what a failure asked for; 0 where it asked for nothing. */
  settle(verdict: 'success' | 'failure' | 'ignored', retryAfterMs: number): void;
}

/** A circuit that a breaker shares. */
export interface SharedCircuit {
  /** The member opened by its own rules. It stays open by itself at once; the fleet opens if it agrees. */
  tripped(trip: MemberTrip): void;
  /** The member, open by itself, has closed again by its own probes. */
  recovered(): void;
  /** Somebody has closed the member by hand: it stays so until the fleet rules anew. */
  wasReset(): void;
  /** A call wants to run as a probe: the circuit is not closed, and its open time is over. */
  probe(): ProbeAnswer;
  /** A call was refused because the circuit is open. */
  noteDemand(): void;
  /** Milliseconds until a call that was refused a probe has a chance, if nothing else happens; 0 where nobody knows. */
  retryAfterMs(): number;
  /** Why the circuit is as it is. */
  explain(): SharingExplanation;
  /** Ends the membership. Leases that were not used are given back. */
  leave(): void;
}

/** How a member opened. */
export interface MemberTrip {
  /** Time that the member stays open. Milliseconds. */
  readonly openMs: number;
  readonly reason: string;
}

/** What the fleet has ruled on one circuit, for people. All of it is JSON. */
export interface ExplainedRuling {
  readonly state: RuledState;
  /** Version of the ruling: microseconds of the store's time; 0 where the store has never ruled. */
  readonly epoch: number;
  /** Time that is left of it: see {@link FollowedState.remainingMs}. Milliseconds; 0 where it is over. */
  readonly remainingMs: number;
  readonly reopenings: number;
  /**
   * What led to it: the rule that opened it, `probes`, `lost-probes`, `held`, `released`, `recovered` or `seeded`; undefined
   * where nobody said.
   */
  readonly reason: string | undefined;
  /** The nodes whose evidence led to it, or the owner of a hold. */
  readonly by: readonly string[];
  /** What an operator gave as the reason; undefined where none did. */
  readonly note: string | undefined;
}

/** What a process does in spite of a ruling. */
export interface OwnDecision {
  readonly state: 'open' | 'closed';
  /** The rule that opened it here, `lone-probe` where a probe without the fleet closed it, or `reset` where somebody did. */
  readonly why: string;
}

/** Why a shared circuit is as it is, for people. All of it is JSON. */
export interface SharingExplanation {
  /** The fleet's ruling that this process knows. */
  readonly ruling: ExplainedRuling;
  /** What this process does in spite of the ruling; undefined where it follows it. */
  readonly override: OwnDecision | undefined;
  /** `fresh` hears the store; `stale` relies on what it heard; `degraded` decides alone. */
  readonly view: 'fresh' | 'stale' | 'degraded';
  /** Breakers of this process that share it; 0 in one that only asks, and where the name is of no breaker here. */
  readonly members: number;
  /** Leases in hand, or being used. */
  readonly leases: number;
  /** What this process wants of the fleet and has not been answered yet. */
  readonly pending: readonly string[];
}

/** What a store is asked: to tell what changed, to rule on proposals, to add up windows, to hold a circuit. */
export type StoreOperation = 'sync' | 'step' | 'flush' | 'hold';

/** How a request to a store ended: answered, refused or broken, or without an answer in time. */
export type StoreResult = 'ok' | 'error' | 'timeout';

/** How a store is, for metrics and people. Counts are since it was created. */
export interface StoreHealth {
  /** What the fleet shares under: the name in metrics and events. */
  readonly name: string;
  /** `shared` while the store answers; `local` while every process decides alone. */
  readonly mode: 'shared' | 'local';
  /** Requests by operation and result; what is absent has not happened. */
  readonly operations: readonly {
    readonly operation: StoreOperation;
    readonly result: StoreResult;
    readonly count: number;
  }[];
  /** Time that answered requests took, in milliseconds: sum and count. */
  readonly latency: { readonly sumMs: number; readonly count: number };
  /** Time since the store last answered. Milliseconds; Infinity where it never has. */
  readonly silentMs: number;
  /** Processes that share, as the store knows. */
  readonly nodes: number;
  /** What keeps this process from sharing though the store answers; undefined where nothing does. */
  readonly problem: string | undefined;
}

/** Where the circuits of a fleet meet. */
export interface CircuitStore {
  /** Lets a breaker take part in the circuit of its name. Nothing is sent by the time it returns. */
  join(member: CircuitMember): SharedCircuit;
  /** How it is now. */
  health(): StoreHealth;
  /** Leaves the fleet: gives back what it holds, ends timers and connections. Breakers go on by themselves. */
  close(): Promise<void>;
}
