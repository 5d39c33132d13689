/**
 * Circuit member: a process of a fleet that calls one dependency through one shared circuit, all the time.
 *
 * @module
 */

import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitState,
  type SharingExplanation,
  circuitBreaker,
  createEvents,
  createRegistry,
} from '@holdfast/core';
import { redisCircuitStore } from '@holdfast/redis';

import { dependencyCaller } from '../redis-lab/dependency-caller.ts';
import { serveFleet } from '../redis-lab/fleet-member.ts';
import { CallTally, type Counts } from './call-tally.ts';
import { RulingWatch } from './ruling-watch.ts';
import { type StorePlace, clientOf } from './store-place.ts';
import { type LagCommands, watchTimers } from './timer-lag.ts';

/** What a member is at one instant. */
export interface MemberReport extends Counts {
  readonly state: CircuitState;
  readonly fleet: SharingExplanation;
  readonly mode: 'shared' | 'local';
  readonly nodes: number;
  /** Requests to the store that were refused or came to nothing, since the start. */
  readonly unanswered: number;
  /** How often the ruling that it goes by was older than one before; looked at with each call, since the start. */
  readonly setbacks: number;
  /** What its store has told since the start: `circuit-store.denied step NOPERM ...`. */
  readonly told: readonly string[];
}

/** What a member can be asked. */
export interface CircuitCommands extends LagCommands {
  /** Waits until it shares. */
  ready(): Promise<boolean>;
  /** Calls every `everyMs` milliseconds from now on, whether or not the last call has ended; 0 stops. */
  call(everyMs: number): void;
  /** Makes so many calls, one after the other. */
  make(count: number): Promise<void>;
  report(): MemberReport;
  close(): Promise<void>;
}

/** What a member is started with. */
export interface CircuitSettings {
  readonly place: StorePlace;
  readonly namespace: string;
  readonly url: string;
  readonly options: CircuitBreakerOptions;
  /** Its name in the fleet; by default `p` and its index. */
  readonly node?: string;
}

serveFleet<CircuitCommands, CircuitSettings>(({ index, settings: { place, namespace, url, options, node } }) => {
  const name = node ?? `p${index}`;
  const events = createEvents();
  const told: string[] = [];
  events.listen((event) => {
    if (event.type.startsWith('circuit-store.')) told.push(toldText(event));
  });
  const store = redisCircuitStore(clientOf(place), { namespace, node: name, events, shardCount: 1 });
  const breaker = createRegistry({ store }).create(circuitBreaker, { ...options, name: 'dependency' });
  const dependency = dependencyCaller(url, name);
  const tally = new CallTally();
  const watch = new RulingWatch();
  const lag = watchTimers();
  let timer: NodeJS.Timeout | undefined;
  const call = (): Promise<void> => {
    watch.look(rulingOf(breaker).ruling);
    return tally.count(() => breaker.execute(({ signal }) => dependency(signal)));
  };

  return {
    ready: () => store.ready(20_000),
    call(everyMs) {
      clearInterval(timer);
      if (everyMs > 0) timer = setInterval(() => void call(), everyMs);
    },
    async make(count) {
      for (let made = 0; made < count; made++) await call(); // oxlint-disable-line no-await-in-loop -- one after the other
    },
    report() {
      const fleet = rulingOf(breaker);
      watch.look(fleet.ruling);
      const { mode, nodes, operations } = store.health();
      const unanswered = operations.reduce((sum, { result, count }) => sum + (result === 'ok' ? 0 : count), 0);
      const sharing = { mode, nodes, unanswered, setbacks: watch.setbacks, told };
      return { state: breaker.state, fleet, ...sharing, ...tally.next() };
    },
    lag,
    close: () => store.close(),
  };
});

// --- internal ---

function rulingOf(breaker: CircuitBreaker): SharingExplanation {
  return breaker.snapshot().fleet as SharingExplanation;
}

interface StoreEvent {
  readonly type: string;
  readonly operation?: string;
  readonly message?: string;
  readonly problem?: string;
  readonly circuit?: string;
}

function toldText({ type, operation, message, problem, circuit }: StoreEvent): string {
  return [type, operation, message, problem, circuit].filter((word) => word !== undefined).join(' ');
}
