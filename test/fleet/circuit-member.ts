/**
 * Circuit member: a process of a fleet that calls one dependency through one shared circuit, all the time.
 *
 * @module
 */

import {
  type CircuitBreakerOptions,
  type CircuitState,
  type SharingExplanation,
  circuitBreaker,
  createRegistry,
  isRejection,
} from '@holdfast/core';
import { redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';

import { dependencyCaller } from '../redis-lab/dependency-caller.ts';
import { serveFleet } from '../redis-lab/fleet-member.ts';

/** What a member is at one instant. */
export interface MemberReport {
  readonly state: CircuitState;
  readonly fleet: SharingExplanation;
  readonly mode: 'shared' | 'local';
  readonly nodes: number;
  /** Calls that came to something since the last report, and the longest that one took that was refused. Milliseconds. */
  readonly ok: number;
  readonly failed: number;
  readonly refused: number;
  readonly worstRefusalMs: number;
  /** Errors that are neither a refusal nor the dependency's. */
  readonly strange: readonly string[];
}

/** What a member can be asked. */
export interface CircuitCommands {
  /** Waits until it shares. */
  ready(): Promise<boolean>;
  /** Calls every `everyMs` milliseconds from now on, whether or not the last call has ended; 0 stops. */
  call(everyMs: number): void;
  report(): MemberReport;
  close(): Promise<void>;
}

/** What a member is started with. */
export interface CircuitSettings {
  readonly port: number;
  readonly namespace: string;
  readonly url: string;
  readonly options: CircuitBreakerOptions;
}

serveFleet<CircuitCommands, CircuitSettings>(({ index, settings: { port, namespace, url, options } }) => {
  const redis = new Redis({ port, lazyConnect: true });
  const store = redisCircuitStore(redis, { namespace, node: `p${index}` });
  const breaker = createRegistry({ store }).create(circuitBreaker, { ...options, name: 'dependency' });
  const dependency = dependencyCaller(url, `p${index}`);
  const tally = new CallTally();
  let timer: NodeJS.Timeout | undefined;
  const call = (): Promise<void> => tally.count(() => breaker.execute(({ signal }) => dependency(signal)));

  return {
    ready: () => store.ready(20_000),
    call(everyMs) {
      clearInterval(timer);
      if (everyMs > 0) timer = setInterval(() => void call(), everyMs);
    },
    report() {
      const { state, fleet } = breaker.snapshot();
      const { mode, nodes } = store.health();
      return { state, fleet: fleet as SharingExplanation, mode, nodes, ...tally.next() };
    },
    close: () => store.close(),
  };
});

// --- internal ---

type Counts = Pick<MemberReport, 'ok' | 'failed' | 'refused' | 'worstRefusalMs' | 'strange'>;

class CallTally {
  #ok = 0;
  #failed = 0;
  #refused = 0;
  #worstRefusalMs = 0;
  #strange: string[] = [];

  /** Counts what a call comes to. */
  async count(call: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    try {
      await call();
      this.#ok++;
    } catch (error) {
      this.#note(error, performance.now() - startedAt);
    }
  }

  /** Returns what was counted, and starts again from 0. */
  next(): Counts {
    const counts = {
      ok: this.#ok,
      failed: this.#failed,
      refused: this.#refused,
      worstRefusalMs: this.#worstRefusalMs,
      strange: this.#strange,
    };
    this.#ok = this.#failed = this.#refused = this.#worstRefusalMs = 0;
    this.#strange = [];
    return counts;
  }

  #note(error: unknown, tookMs: number): void {
    if (isRejection(error)) {
      this.#refused++;
      this.#worstRefusalMs = Math.max(this.#worstRefusalMs, tookMs);
    } else if (error instanceof Error && error.name === 'DependencyError') this.#failed++;
    else this.#strange.push(String(error));
  }
}
