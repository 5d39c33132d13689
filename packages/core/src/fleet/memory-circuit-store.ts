/**
 * Memory circuit store: circuits shared by the registries of one process, and what a fleet does, without a server: for tests,
 * and for several tenants of one process that call the same dependency.
 *
 *   registry a ── store ─┐
 *   registry b ── store ─┼─ ledger in memory
 *   registry c ── store ─┘
 *
 * Invariants
 *  (1) The stores of one fleet behave as those of several processes on a store elsewhere do: what one tells, the others hear
 *      in a later turn.
 *  (2) After `close` a store has no timer, and tells and hears nothing.
 *
 * @module
 */

import type {
  CircuitMember,
  CircuitStore,
  SharedCircuit,
  StoreHealth,
  StoreOperation,
} from '../kernel/circuit-store.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { inRange, isFunction, isName, oneOf, withKnown } from '../kernel/options.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import { FleetNode } from './fleet-node.ts';
import { holdRequest } from './hold-request.ts';
import { Lane } from './lane.ts';
import { type HoldRequest, type LedgerPort, MAX_HOLD_MS, type RulingMessage } from './ledger.ts';
import { joinCircuit } from './membership.ts';
import { type MemoryLedger, memoryLedger } from './memory-ledger.ts';
import { type NodeSettings, checkNodeSettings, nodeDefaults } from './node-settings.ts';
import type { Ruling } from './ruling.ts';

/** Options of {@link memoryFleet}. */
export interface MemoryFleetOptions {
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
  /** Source of randomness; by default the platform's. */
  readonly random?: Random;
}

/** Options of a store of a {@link MemoryFleet}: those of a node; by default {@link nodeDefaults} and a name made up. */
export interface MemoryStoreOptions extends Partial<NodeSettings> {
  /** Told when members of one circuit decide by different rules: whose circuit, and which nodes led to the ruling. */
  readonly onDisagreement?: (name: string, by: string) => void;
}

/** A store in memory. */
export interface MemoryCircuitStore extends CircuitStore {
  /**
   * Holds a circuit in a state, for the whole fleet, or ends that. Milliseconds; see {@link HoldRequest}.
   *
   * @throws ConfigError when what is asked for is none.
   */
  hold(request: Pick<HoldRequest, 'id' | 'state' | 'forMs' | 'owner' | 'reason'>): Promise<Ruling>;
}

/** A fleet in one process. */
export interface MemoryFleet {
  /** What they share, and how tests let it fail. */
  readonly ledger: MemoryLedger;
  /** Makes a store for one registry: one node of the fleet. */
  store(options?: MemoryStoreOptions): MemoryCircuitStore;
}

/**
 * Makes a fleet in memory.
 *
 * @throws ConfigError from store, when an option is none.
 *
 * @example
 * ```ts
 * const fleet = memoryFleet();
 * const [one, other] = [createRegistry({ store: fleet.store() }), createRegistry({ store: fleet.store() })];
 * ```
 */
export function memoryFleet(options: MemoryFleetOptions = {}): MemoryFleet {
  const { clock, random } = withKnown('memoryFleet', { clock: systemClock, random: systemRandom }, options);
  const listeners = new Set<(message: RulingMessage) => void>();
  const onMessage = (message: RulingMessage): void => {
    for (const listener of listeners) clock.setTimer(() => listener(message), 0).unref(); // (1)
  };
  const ledger = memoryLedger({ serverId: 'memory', onMessage });
  return {
    ledger,
    store: (given = {}) => new MemoryStore({ ledger, clock, random, listeners }, given),
  };
}

// --- internal ---

interface FleetParts {
  readonly ledger: MemoryLedger;
  readonly clock: Clock;
  readonly random: Random;
  readonly listeners: Set<(message: RulingMessage) => void>;
}

const storeDefaults = Object.freeze({ ...nodeDefaults, node: '', onDisagreement: (): void => {} });

class MemoryStore implements MemoryCircuitStore {
  private readonly parts: FleetParts;
  private readonly node: FleetNode;
  private readonly lane: Lane;
  private readonly port: LedgerPort;
  private readonly listener: (message: RulingMessage) => void;
  private readonly counts = new Map<StoreOperation, number>();

  constructor(parts: FleetParts, options: MemoryStoreOptions) {
    const { onDisagreement, ...settings } = withKnown('memoryStore', storeDefaults, options);
    const node = settings.node === '' ? `memory-${Math.floor(parts.random() * 2 ** 48).toString(36)}` : settings.node;
    checkNodeSettings('memoryStore', { ...settings, node });
    isFunction('memoryStore.onDisagreement', onDisagreement);
    this.parts = parts;
    this.port = portOf(parts, (operation) => void this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1));
    this.node = new FleetNode({ settings: { ...settings, node }, random: parts.random, shards: 1, onDisagreement });
    this.lane = new Lane({ node: this.node, port: this.port, clock: parts.clock });
    this.listener = (message) => this.lane.heard(message);
    parts.listeners.add(this.listener);
    this.node.sync.subscribed(true, parts.clock.now());
    this.lane.start();
  }

  join(member: CircuitMember): SharedCircuit {
    return joinCircuit({ node: this.node, lane: this.lane, clock: this.parts.clock }, member);
  }

  async hold({ id, state, forMs, owner, reason }: Parameters<MemoryCircuitStore['hold']>[0]): Promise<Ruling> {
    isName('hold.id', id);
    isName('hold.owner', owner);
    oneOf('hold.state', state, ['forced-open', 'forced-closed', 'auto', 'closed']);
    inRange('hold.forMs', forMs, [1, MAX_HOLD_MS]);
    const { port, node, parts } = this;
    const wish = { id, state, forMs, owner, reason };
    await this.read();
    const { incarnation, clock, ruling } = await port.hold(holdRequest(node, wish, parts.clock.now()));
    this.lane.heard({ incarnation, previous: clock, clock, rulings: [ruling] }); // known here at once
    return ruling;
  }

  health(): StoreHealth {
    const { sync } = this.node;
    const now = this.parts.clock.now();
    const operations = [...this.counts].map(([operation, count]) => ({ operation, result: 'ok' as const, count }));
    const answered = operations.reduce((total, { count }) => total + count, 0);
    return {
      name: 'memory',
      mode: sync.isFresh(now) && sync.problem === undefined ? 'shared' : 'local',
      operations,
      latency: { sumMs: 0, count: answered },
      silentMs: now - sync.heardAt,
      nodes: sync.fleetSize,
      problem: sync.problem,
    };
  }

  async close(): Promise<void> {
    await this.lane.stop();
    this.parts.listeners.delete(this.listener); // (2)
  }

  // --- internal ---

  /** Reads what is new: a ledger in memory has answered before anybody else asks it. */
  private async read(): Promise<void> {
    const { clock } = this.parts;
    const request = this.node.nextSync(clock.now());
    this.node.synced(request, await this.port.sync(request), clock.now());
  }
}

/** Asks the ledger in the turn in which it is asked, and answers in a later one. */
function portOf({ ledger, clock }: FleetParts, onRequest: (operation: StoreOperation) => void): LedgerPort {
  const nowUs = (operation: StoreOperation): number => {
    onRequest(operation);
    return clock.now() * 1000;
  };
  return {
    sync: async (request) => ledger.sync(request, nowUs('sync')),
    step: async (request) => ledger.step(request, nowUs('step')),
    flush: async (request) => ledger.flush(request, nowUs('flush')),
    hold: async (request) => ledger.hold(request, nowUs('hold')),
  };
}
