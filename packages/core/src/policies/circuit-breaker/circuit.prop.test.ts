import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Verdict } from '../../kernel/outcome.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import { TimeWindow } from '../../mechanisms/time-window.ts';
import { Circuit, type CircuitRules } from './circuit.ts';
import type { MachineState as CircuitState } from './circuit-entry.ts';
import type { Lease } from './probe-round.ts';
import type { Refusal } from './circuit-events.ts';

/** The rules of a circuit, and its window as plain data. */
interface Setup {
  readonly failureTenths: number;
  readonly minimumCalls: number;
  readonly openForMs: number;
  readonly maxProbes: number;
  readonly successTenths: number;
  readonly probeLeaseMs: number;
  readonly window: { readonly size: number } | { readonly bucketMs: number; readonly bucketCount: number };
}

type Command =
  | { readonly kind: 'call' | 'reset' | 'look' }
  | { readonly kind: 'settle'; readonly index: number; readonly verdict: Verdict }
  | { readonly kind: 'wait'; readonly ms: number };

const setups: fc.Arbitrary<Setup> = fc.record({
  failureTenths: fc.integer({ min: 1, max: 10 }),
  minimumCalls: fc.integer({ min: 1, max: 4 }),
  openForMs: fc.integer({ min: 1, max: 15 }),
  maxProbes: fc.integer({ min: 1, max: 5 }),
  successTenths: fc.integer({ min: 1, max: 10 }),
  probeLeaseMs: fc.integer({ min: 1, max: 30 }),
  window: fc.oneof(
    fc.record({ size: fc.integer({ min: 4, max: 8 }) }),
    fc.record({ bucketMs: fc.integer({ min: 1, max: 10 }), bucketCount: fc.integer({ min: 1, max: 4 }) }),
  ),
});

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Command>({ kind: 'call' }) },
    {
      weight: 6,
      arbitrary: fc.record<Command & { kind: 'settle' }>({
        kind: fc.constant('settle'),
        index: fc.nat(5),
        verdict: fc.constantFrom('success', 'success', 'failure', 'failure', 'ignored'),
      }),
    },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }).map((ms): Command => ({ kind: 'wait', ms })) },
    { weight: 1, arbitrary: fc.constantFrom<Command>({ kind: 'reset' }, { kind: 'look' }) },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);

/** A call as the model and the circuit know it. */
interface Admitted {
  readonly entry: number;
  readonly probe: { readonly real: Lease; readonly expiresAt: number } | undefined;
}

/** What the model believes: logs instead of counters, whole numbers instead of ratios. */
class Model {
  readonly setup: Setup;
  state: CircuitState = 'closed';
  entry = 0;
  openedAt = 0;
  transitions: string[] = [];
  log: { readonly failed: boolean; readonly at: number }[] = [];
  leases: Admitted[] = [];
  verdicts: boolean[] = [];

  constructor(setup: Setup) {
    this.setup = setup;
  }

  stateAt(now: number): CircuitState {
    return this.state === 'open' && now >= this.openedAt + this.setup.openForMs ? 'half-open' : this.state;
  }

  admission(now: number): 'closed' | 'probe' | Refusal {
    if (this.state === 'open' && this.stateAt(now) === 'half-open') this.#enter('half-open');
    if (this.state === 'closed') return 'closed';
    if (this.state === 'open') return 'open';
    this.leases = this.leases.filter(({ probe }) => (probe?.expiresAt ?? 0) > now);
    return this.leases.length + this.verdicts.length < this.setup.maxProbes ? 'probe' : 'half-open-full';
  }

  settle(call: Admitted, verdict: Verdict, now: number): void {
    if (call.entry !== this.entry) return;
    if (call.probe === undefined) this.#settleCall(verdict, now);
    else this.#settleProbe(call, verdict, now);
  }

  inWindow(now: number): { failed: boolean; at: number }[] {
    const { window } = this.setup;
    if ('size' in window) return this.log.slice(-window.size);
    const newest = Math.floor(now / window.bucketMs);
    return this.log.filter(({ at }) => Math.floor(at / window.bucketMs) > newest - window.bucketCount);
  }

  reset(): void {
    this.#enter('closed');
  }

  #settleCall(verdict: Verdict, now: number): void {
    if (verdict === 'ignored') return;
    this.log.push({ failed: verdict === 'failure', at: now });
    const calls = this.inWindow(now);
    const failures = calls.filter(({ failed }) => failed).length;
    const { minimumCalls, failureTenths } = this.setup;
    if (calls.length < minimumCalls || failures === 0 || failures * 10 < failureTenths * calls.length) return;
    this.openedAt = now;
    this.#enter('open');
  }

  #settleProbe(call: Admitted, verdict: Verdict, now: number): void {
    if (!this.leases.includes(call)) return;
    this.leases = this.leases.filter((other) => other !== call);
    if (verdict === 'ignored') return;
    this.verdicts.push(verdict === 'success');
    const { maxProbes, successTenths } = this.setup;
    const succeeded = this.verdicts.filter(Boolean).length;
    const possible = maxProbes - (this.verdicts.length - succeeded);
    if (succeeded * 10 >= successTenths * maxProbes) this.reset();
    else if (possible * 10 < successTenths * maxProbes) {
      this.openedAt = now;
      this.#enter('open');
    }
  }

  #enter(state: CircuitState): void {
    if (state !== this.state) this.transitions.push(`${this.state}->${state}`);
    this.state = state;
    this.entry++;
    this.log = [];
    this.leases = [];
    this.verdicts = [];
  }
}

function rulesOf(setup: Setup): CircuitRules {
  const { window, failureTenths, successTenths, minimumCalls, maxProbes, probeLeaseMs } = setup;
  return {
    minimumCalls,
    maxProbes,
    probeLeaseMs,
    failureCount: Infinity,
    deviations: undefined,
    slowCallMs: Infinity,
    slowRatio: 1,
    shouldOpen: undefined,
    rampUpMs: 0,
    needsTime: true,
    failureRatio: failureTenths / 10,
    probeSuccessRatio: successTenths / 10,
    newWindow: () =>
      'size' in window
        ? new CountWindow(window.size)
        : new TimeWindow(window.bucketMs * window.bucketCount, window.bucketCount),
  };
}

/** The circuit and the model, driven side by side as the policy drives the circuit. */
class Trial {
  readonly model: Model;
  readonly circuit: Circuit;
  readonly transitions: string[] = [];
  readonly calls: Admitted[] = [];
  now = 0;

  constructor(setup: Setup) {
    this.model = new Model(setup);
    this.circuit = new Circuit(rulesOf(setup), {
      name: 'prices',
      onTransition: (from, to) => void this.transitions.push(`${from}->${to}`),
    });
  }

  play(step: Command): void {
    if (step.kind === 'call') this.#call();
    else if (step.kind === 'wait') this.now += step.ms;
    else if (step.kind === 'settle')
      this.#settle(this.calls.at(-1 - (step.index % Math.max(1, this.calls.length))), step.verdict);
    else if (step.kind === 'look') this.circuit.counts(this.now);
    else {
      this.model.reset();
      this.circuit.reset();
    }
  }

  #call(): void {
    const expected = this.model.admission(this.now);
    const seen = this.circuit.isSteady ? undefined : this.circuit.probe(this.now);
    if (typeof seen !== 'object') {
      if ((seen ?? 'closed') !== expected) throw new Error(`expected ${expected}, got ${seen ?? 'closed'}`);
      if (seen === undefined) this.calls.push({ entry: this.model.entry, probe: undefined });
      return;
    }
    if (expected !== 'probe') throw new Error(`expected ${expected}, got a lease`);
    const probe = { real: seen, expiresAt: this.now + this.model.setup.probeLeaseMs };
    const call = { entry: this.model.entry, probe };
    this.calls.push(call);
    this.model.leases.push(call);
  }

  #settle(call: Admitted | undefined, verdict: Verdict): void {
    if (call === undefined) return;
    this.calls.splice(this.calls.indexOf(call), 1);
    const isCurrent = call.entry === this.circuit.generation;
    this.model.settle(call, verdict, this.now);
    const openUntil = this.now + this.model.setup.openForMs;
    if (call.probe !== undefined) {
      if (this.circuit.settleProbe(call.probe.real, verdict, this.now)) this.circuit.trip(openUntil);
    } else if (isCurrent && verdict !== 'ignored') {
      if (this.circuit.record(verdict === 'failure', this.now) !== undefined) this.circuit.trip(openUntil);
    }
  }
}

describe('circuit, against a model that keeps logs', () => {
  it('circuit (1), (2), (3), (4): decides every command as the model does', () => {
    const seen = new Map<string, number>();
    const property = fc.property(setups, commands, (setup, steps) => {
      const trial = new Trial(setup);
      const { circuit, model } = trial;
      for (const step of steps) {
        trial.play(step);
        const real = `${circuit.state(trial.now)} ${circuit.isSteady} ${circuit.generation} ${trial.transitions.length}`;
        const expected = `${model.stateAt(trial.now)} ${model.state === 'closed'} ${model.entry} ${model.transitions.length}`;
        if (real !== expected) throw new Error(`expected ${expected}, got ${real}`);
      }
      expect(trial.transitions).toEqual(model.transitions);
      for (const transition of trial.transitions) seen.set(transition, (seen.get(transition) ?? 0) + 1);
      const calls = model.state === 'closed' ? model.inWindow(trial.now) : [];
      const failures = calls.filter(({ failed }) => failed).length;
      expect(circuit.counts(trial.now)).toMatchObject({ calls: calls.length, failures });
    });
    fc.assert(property, { numRuns: 6000 });

    for (const transition of ['closed->open', 'open->half-open', 'half-open->open', 'half-open->closed']) {
      expect([transition, (seen.get(transition) ?? 0) > 300]).toEqual([transition, true]); // else this proved little
    }
  });

  it('circuit (5) keeps no more than its leases and its window, whatever the traffic', () => {
    const property = fc.property(setups, fc.integer({ min: 1000, max: 5000 }), (setup, count) => {
      const trial = new Trial(setup);
      const before = sizeOf(trial.circuit);
      for (let call = 0; call < count; call++) {
        trial.play({ kind: 'call' });
        trial.play({ kind: 'settle', index: call % 3, verdict: call % 4 === 0 ? 'failure' : 'success' });
        trial.play({ kind: 'wait', ms: call % 3 });
        trial.calls.splice(3);
      }
      trial.circuit.reset();
      expect(sizeOf(trial.circuit)).toBeLessThanOrEqual(before + setup.maxProbes);
    });
    fc.assert(property, { numRuns: 10 });
  });
});

/** Counts what is reachable from `value`: one for each member of an object, array or set. */
function sizeOf(value: unknown, seen: Set<unknown> = new Set<unknown>()): number {
  if (typeof value !== 'object' || value === null || seen.has(value)) return 1;
  seen.add(value);
  const members = value instanceof Set ? [...value] : Object.values(value);
  return members.reduce<number>((sum, member) => sum + sizeOf(member, seen), 1);
}
