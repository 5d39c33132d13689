/**
 * Store life: one store of a process, with breakers that come and go before it, calls through them and operators, to its end.
 *
 *   begun ── calls, breakers come and go ─► ending: breakers go, the store is closed, in one order or the other ─► ended
 *
 * @module
 */

import {
  type CircuitBreaker,
  Context,
  circuitBreaker,
  createEvents,
  createRegistry,
  type Random,
} from '@holdfast/core';
import { type RedisCircuitStore, type RedisClient, StoreUnavailableError, redisCircuitStore } from '@holdfast/redis';

import { RulingWatch } from '../fleet/ruling-watch.ts';
import type { SoakDependency } from './soak-dependency.ts';
import { type SoakPlace, circuitNames, rulesOf } from './soak-place.ts';
import type { SoakRecord } from './soak-record.ts';

/** What all lives of a process share. */
export interface LifeParts {
  /** The client that is handed in; never connected. */
  readonly client: RedisClient;
  readonly random: Random;
  readonly dependency: SoakDependency;
  readonly record: SoakRecord;
}

/** Of a life: where it is, what it is called, and how many breakers it begins with. */
export interface LifePlan {
  readonly place: SoakPlace;
  readonly node: string;
  readonly breakers: number;
}

interface Member {
  readonly breaker: CircuitBreaker;
  readonly watch: RulingWatch;
}

/** One store. */
export class StoreLife {
  readonly store: RedisCircuitStore;
  private readonly parts: LifeParts;
  private readonly plan: LifePlan;
  private readonly registry: ReturnType<typeof createRegistry>;
  private readonly members = new Map<string, Member>();
  private readonly timer: NodeJS.Timeout;
  private readonly asking = new Set<Promise<void>>();
  /** Whether breakers come and go and operators act. */
  isRestless = true;

  constructor(parts: LifeParts, plan: LifePlan) {
    const { namespace, shardCount, mode } = plan.place;
    const events = createEvents();
    events.listen(({ type }) => parts.record.count(type));
    this.parts = parts;
    this.plan = plan;
    this.store = redisCircuitStore(parts.client, { namespace, shardCount, mode, node: plan.node, events });
    this.registry = createRegistry({ store: this.store, events });
    for (let count = 0; count < plan.breakers; count++) this.add(this.anyName());
    this.timer = setInterval(() => this.tick(), TICK_MS);
    parts.record.count('a store is made');
  }

  get place(): SoakPlace {
    return this.plan.place;
  }

  /** Whether it shares, and every circuit is closed for the fleet and here. */
  get isCalm(): boolean {
    if (this.store.health().mode !== 'shared') return false;
    return [...this.members.values()].every(({ breaker }) => {
      const { state, fleet } = breaker.snapshot();
      const isFollowed = fleet?.view === 'fresh' && fleet.override === undefined && fleet.leases === 0;
      return state === 'closed' && isFollowed && fleet.ruling.state === 'closed';
    });
  }

  /** What its breakers are, for people. */
  describe(): string {
    const states = [...this.members].map(([name, { breaker }]) => {
      const { state, fleet } = breaker.snapshot();
      return `${name} ${state} ${JSON.stringify(fleet)}`;
    });
    return [JSON.stringify(this.store.health()), ...states].join('\n');
  }

  /** Has a breaker for each circuit, and lets them be. */
  settle(): void {
    this.isRestless = false;
    for (const name of circuitNames) this.add(name);
  }

  /** No calls any more, and no breakers; the store stays. */
  empty(): void {
    clearInterval(this.timer);
    for (const name of this.members.keys()) this.remove(name);
  }

  /** Ends it while calls are under way. */
  async end(): Promise<void> {
    const { random, record } = this.parts;
    const isStoreFirst = random() < 0.5;
    if (!isStoreFirst) this.empty();
    const beganAt = performance.now();
    await this.store.close();
    const tookMs = performance.now() - beganAt;
    if (tookMs > MAX_CLOSE_MS) record.complain(`a store took ${Math.round(tookMs)} ms to close`);
    if (isStoreFirst) for (let count = 0; count < 10; count++) this.call(); // breakers of a store that was closed go on
    this.empty();
    await Promise.all(this.asking);
    record.noteClosed(this.store);
  }

  // --- internal ---

  private tick(): void {
    const { random } = this.parts;
    this.call();
    if (!this.isRestless) for (let count = 1; count < circuitNames.length; count++) this.call();
    if (!this.isRestless || random() > RESTLESSNESS) return;
    const name = this.anyName();
    if (random() < 0.4) this.ask(name);
    else if (this.members.has(name)) this.remove(name);
    else this.add(name);
  }

  private add(name: string): void {
    if (this.members.has(name)) return;
    const breaker = this.registry.create(circuitBreaker, { ...rulesOf(name, this.place), name });
    this.members.set(name, { breaker, watch: new RulingWatch() });
    this.parts.record.count('a breaker is made');
  }

  private remove(name: string): void {
    const breaker = this.members.get(name)?.breaker;
    if (breaker === undefined) return;
    this.members.delete(name);
    this.registry.remove(breaker);
    breaker[Symbol.dispose]();
  }

  private call(): void {
    const { random, dependency, record } = this.parts;
    const all = [...this.members];
    const [name, member] = all[Math.floor(random() * all.length)] ?? [];
    if (name === undefined || member === undefined) return;
    this.look(name, member);
    const isImpatient = random() < 0.1;
    void record.calls.count(async () => {
      using context = Context.background.withTimeout(isImpatient ? random() * 20 : 5000);
      await member.breaker.execute(dependency.operation(name), context).catch((error: unknown) => {
        if (error !== context.cause) throw error; // a process that stood still has kept a patient one waiting
        record.count('a caller has given up');
      });
    });
  }

  private look(name: string, { breaker, watch }: Member): void {
    const { fleet } = breaker.snapshot();
    if (fleet === undefined) return;
    const before = watch.setbacks;
    watch.look(fleet.ruling);
    if (watch.setbacks > before) this.parts.record.complain(`${this.plan.node} went by an older ruling on ${name}`);
  }

  /** Somebody asks something of the store, or for something. */
  private ask(name: string): void {
    const { record } = this.parts;
    const asked = this.wish(name).then(
      () => record.count('an operator was answered'),
      (error: unknown) => {
        if (error instanceof StoreUnavailableError) record.count('an operator was not answered');
        else record.complain(`an operator was told ${String(error)}`);
      },
    );
    this.asking.add(asked);
    void asked.then(() => this.asking.delete(asked));
  }

  private wish(name: string): Promise<unknown> {
    const { store } = this;
    const { random } = this.parts;
    const note = { owner: 'Ada', reason: 'soak' };
    const forMs = 100 + Math.floor(random() * 1500);
    const wishes = [
      () => store.hold(name, 'open', { ...note, forMs }),
      () => store.hold(name, 'closed', { ...note, forMs }),
      () => store.release(name, note),
      () => store.closeCircuit(name, note),
      () => store.explain(name),
      () => store.audit(10),
      () => store.ready(forMs),
    ];
    return (wishes[Math.floor(random() * wishes.length)] as () => Promise<unknown>)();
  }

  private anyName(): string {
    return circuitNames[Math.floor(this.parts.random() * circuitNames.length)] as string;
  }
}

/** Time between two calls of a store. Milliseconds. */
const TICK_MS = 20;

/** Share of ticks in which a breaker comes or goes, or an operator acts. */
const RESTLESSNESS = 0.05;

/** Time that closing may take, whatever the server and the network do. Milliseconds. */
const MAX_CLOSE_MS = 15_000;
