/**
 * Circuit breaker, written down naively: every outcome is kept, and looked through when something is asked.
 *
 * @module
 */

import type { BreakerSpec } from '../case.ts';
import type { Observer, Ports } from '../side.ts';
import type { ReferenceContext } from './context.ts';
import { circuitOpen } from './errors.ts';
import { type ReferencePolicy, toPolicy } from './layer.ts';
import { type Verdict, defaultVerdict } from './outcome.ts';

type State = 'closed' | 'open' | 'half-open';
type Refusal = 'open' | 'half-open-full';

/** What an admitted call holds. */
interface Ticket {
  readonly generation: number;
  readonly isProbe: boolean;
  readonly expiresAt: number;
}

export function referenceCircuitBreaker(spec: BreakerSpec, ports: Ports, observer: Observer): ReferencePolicy {
  const circuit = new ReferenceCircuit(spec, ports, observer);
  return toPolicy(
    ports.name,
    (inner) => async (work, context) => {
      const ticket = circuit.admit();
      let hasRun = false;
      let value: unknown;
      try {
        value = await inner((own) => {
          hasRun = true;
          return work(own);
        }, context);
      } catch (error) {
        circuit.settle(ticket, hasRun ? circuit.judge(undefined, error, true, context) : 'ignored', error);
        throw error;
      }
      circuit.settle(ticket, circuit.judge(value, undefined, false, context));
      return value;
    },
    { statistics: () => circuit.snapshot(), reset: () => circuit.enter('closed') },
  );
}

class ReferenceCircuit {
  readonly #spec: BreakerSpec;
  readonly #ports: Ports;
  readonly #observer: Observer;
  #state: State = 'closed';
  #generation = 0;
  #openUntil = 0;
  #enteredAt: number | undefined;
  /** What the failing call said about when to come back. */
  #askedMs = 0;
  #tripReason: 'failureRatio' | 'probes' | undefined = undefined;
  #reopenings = 0;
  #outcomes: { readonly at: number; readonly failed: boolean }[] = [];
  #probes: Ticket[] = [];
  #probeResults = { success: 0, failure: 0 };
  readonly #verdicts = { success: 0, failure: 0, ignored: 0 };
  readonly #rejections = { open: 0, 'half-open-full': 0 };
  readonly #transitions: Record<string, number> = {};

  constructor(spec: BreakerSpec, ports: Ports, observer: Observer) {
    this.#spec = spec;
    this.#ports = ports;
    this.#observer = observer;
  }

  get #now(): number {
    return this.#ports.clock.now();
  }

  get #remainingOpenMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntil - this.#now) : 0;
  }

  admit(): Ticket {
    if (this.#state === 'open' && this.#remainingOpenMs > 0) this.#refuse('open', this.#remainingOpenMs);
    if (this.#state === 'open') this.enter('half-open');
    const isProbe = this.#state === 'half-open';
    const ticket = { generation: this.#generation, isProbe, expiresAt: this.#now + this.#spec.probeLeaseMs };
    if (!isProbe) return ticket;
    this.#probes = this.#probes.filter((probe) => probe.expiresAt > this.#now);
    const { success, failure } = this.#probeResults;
    if (this.#probes.length + success + failure >= this.#spec.maxProbes) {
      this.#refuse('half-open-full', Math.min(...this.#probes.map((probe) => probe.expiresAt)) - this.#now);
    }
    this.#probes.push(ticket);
    return ticket;
  }

  judge(value: unknown, error: unknown, failed: boolean, context: ReferenceContext): Verdict {
    const byDefault = failed ? defaultVerdict(error, context) : 'success';
    if (this.#spec.classify === 'default') return byDefault;
    try {
      const verdict = this.#ports.hooks.judge(value, error, failed);
      if (verdict === 'success' || verdict === 'failure' || verdict === 'ignored') return verdict;
      throw new TypeError('no verdict');
    } catch (hookError) {
      this.#observer.onHookError(hookError, this.#ports.name);
      return byDefault;
    }
  }

  settle(ticket: Ticket, verdict: Verdict, error?: unknown): void {
    this.#askedMs = (error as { readonly retryAfterMs?: number } | undefined | null)?.retryAfterMs ?? 0;
    this.#verdicts[verdict]++;
    if (ticket.generation !== this.#generation) {
      this.#observer.note('an outcome comes from an earlier state');
      return;
    }
    if (ticket.isProbe) this.#settleProbe(ticket, verdict);
    else if (verdict !== 'ignored') this.#settleCall(verdict === 'failure');
  }

  enter(state: State): void {
    const from = this.#state;
    if (state === 'open') this.#tripReason = from === 'closed' ? 'failureRatio' : 'probes';
    if (state === 'closed' || from === 'closed') this.#reopenings = 0;
    else if (from === 'half-open') this.#reopenings++;
    this.#state = state;
    this.#generation++;
    const openForMs = Math.min(Math.max(300_000, this.#spec.openForMs), Math.max(this.#spec.openForMs, this.#askedMs));
    this.#openUntil = this.#now + openForMs;
    this.#outcomes = [];
    this.#probes = [];
    this.#probeResults = { success: 0, failure: 0 };
    if (from === state) return;
    this.#enteredAt = this.#now;
    this.#transitions[`${from}->${state}`] = (this.#transitions[`${from}->${state}`] ?? 0) + 1;
    const { name } = this.#ports;
    const reason = state === 'open' ? this.#tripReason : undefined;
    this.#observer.onEvent({ type: 'circuit-breaker.transitioned', name, from, to: state, reason });
  }

  snapshot(): unknown {
    const window = this.#window();
    return {
      state: this.#state === 'open' && this.#remainingOpenMs === 0 ? 'half-open' : this.#state,
      enforcement: 'enforce',
      calls: window.length,
      failures: window.filter(({ failed }) => failed).length,
      timedCalls: 0,
      slowCalls: 0,
      inStateMs: this.#inStateMs,
      remainingOpenMs: this.#remainingOpenMs,
      tripReason: this.#tripReason,
      passRatio: 1,
      holds: [],
      reopenings: this.#reopenings,
      verdicts: { ...this.#verdicts },
      rejections: { ...this.#rejections, 'forced-open': 0, 'ramping-up': 0 },
      observed: 0,
      transitions: { ...this.#transitions },
    };
  }

  get #inStateMs(): number | undefined {
    if (this.#state === 'open' && this.#remainingOpenMs === 0) return this.#now - this.#openUntil;
    return this.#enteredAt === undefined ? undefined : this.#now - this.#enteredAt;
  }

  #settleCall(failed: boolean): void {
    this.#outcomes.push({ at: this.#now, failed });
    const window = this.#window();
    const failures = window.filter((outcome) => outcome.failed).length;
    const isTelling = window.length >= this.#spec.minimumCalls;
    if (isTelling && failures > 0 && failures / window.length >= this.#spec.failureRatio) this.enter('open');
  }

  #settleProbe(ticket: Ticket, verdict: Verdict): void {
    const hasLease = this.#probes.includes(ticket);
    this.#probes = this.#probes.filter((probe) => probe !== ticket);
    if (!hasLease) this.#observer.note('a probe comes back after its lease');
    if (verdict === 'ignored') this.#observer.note('a probe says nothing');
    if (!hasLease || verdict === 'ignored') return;
    this.#probeResults[verdict]++;
    const { maxProbes, probeSuccessRatio } = this.#spec;
    const { success, failure } = this.#probeResults;
    if (success / maxProbes >= probeSuccessRatio) this.enter('closed');
    else if ((maxProbes - failure) / maxProbes < probeSuccessRatio) this.enter('open');
  }

  /** The outcomes that count now. */
  #window(): readonly { readonly failed: boolean }[] {
    const { window } = this.#spec;
    if (window.kind === 'count') return this.#outcomes.slice(-window.size);
    const bucketOf = (instant: number): number => Math.floor(instant / (window.durationMs / window.bucketCount));
    const newest = bucketOf(this.#now);
    const inside = this.#outcomes.filter(({ at }) => bucketOf(at) > newest - window.bucketCount);
    if (inside.length > 0 && inside.length < this.#outcomes.length) this.#observer.note('a time window forgets a part');
    return inside;
  }

  #refuse(reason: Refusal, retryAfterMs: number): never {
    this.#rejections[reason]++;
    const { name } = this.#ports;
    this.#observer.onEvent({ type: 'circuit-breaker.rejected', name, reason, enforcement: 'enforce' });
    throw circuitOpen(name, reason, retryAfterMs);
  }
}
