/**
 * Random histories: one process against a naive model, and a fleet whose store loses, delays and repeats messages.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { type Degradation, createDegradation } from './degradation.ts';
import { type FeatureRecord, aged, supersedes } from './feature-record.ts';
import type { FeatureStore } from './feature-store.ts';

const modes = ['full', 'cached', 'off'] as const;
const features = defineFeatures({ reco: { modes }, search: { modes } });
const names = ['reco', 'search'] as const;
const who = { actor: 'alice', reason: 'why' };

type Name = (typeof names)[number];
type Mode = (typeof modes)[number];

const name = fc.constantFrom(...names);
const ifRevision = fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined, freq: 3 });
const lengthMs = fc.integer({ min: 1, max: 50 });

type Step =
  | { kind: 'set'; name: Name; mode: Mode; expiresInMs: number; ifRevision: number | undefined }
  | { kind: 'restore'; name: Name; ifRevision: number | undefined }
  | { kind: 'advance' | 'freeze'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    name,
    mode: fc.constantFrom(...modes),
    expiresInMs: lengthMs,
    ifRevision,
  }),
  fc.record({ kind: fc.constant('restore' as const), name, ifRevision }),
  fc.record({ kind: fc.constantFrom('advance' as const, 'freeze' as const), ms: fc.integer({ min: 0, max: 60 }) }),
);

/** What should be the case, computed from the list of changes by the book: no timers, no cells. */
class Model {
  now = 0;
  readonly told: [Name, string, string, string, number][] = [];
  readonly state = new Map<Name, { mode: Mode; until: number; revision: number; isSet: boolean }>(
    names.map((one) => [one, { mode: 'full', until: Infinity, revision: 0, isSet: false }]),
  );

  moveTo(now: number): void {
    this.now = now;
    const due = names.map((one) => ({ one, state: this.state.get(one)! })).filter(({ state }) => state.until <= now);
    for (const { one } of due.toSorted((a, b) => a.state.until - b.state.until)) this.change(one, 'full', 'expired');
  }

  /** Whether a change would be made, and makes it. */
  apply(one: Name, to: Mode | undefined, more: { expiresInMs: number; ifRevision: number | undefined }): boolean {
    const state = this.state.get(one)!;
    if (more.ifRevision !== undefined && more.ifRevision !== state.revision) return false;
    if (to === undefined && state.isSet) this.change(one, 'full', 'restored');
    else if (to !== undefined) this.change(one, to, 'set', this.now + more.expiresInMs);
    return true;
  }

  // oxlint-disable-next-line max-params -- a row of the book
  private change(one: Name, mode: Mode, cause: string, until = Infinity): void {
    const before = this.state.get(one)!;
    const revision = before.revision + (cause === 'expired' ? 0 : 1);
    this.told.push([one, before.mode, mode, cause, revision]);
    this.state.set(one, { mode, until, revision, isSet: cause === 'set' });
  }
}

/** Makes a change in the model and in `degradation`, which must both make it or both refuse it. */
function expectSame(model: Model, degradation: Degradation, one: Step & { kind: 'set' | 'restore' }): void {
  const given = { ...who, ifRevision: one.ifRevision };
  const act = () => {
    if (one.kind === 'restore') return degradation.restore(one.name, given);
    return degradation.set(one.name, one.mode, { ...given, expiresInMs: one.expiresInMs });
  };
  const to = one.kind === 'set' ? one.mode : undefined;
  if (model.apply(one.name, to, { expiresInMs: 0, ...one })) act();
  else expect(act).toThrow(/is at revision/);
}

describe('one process', () => {
  it('does what the book says, in every history, with and without timers that fire', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const clock = virtualClock();
        let frozenMs = 0;
        const shown = { now: () => clock.now() + frozenMs, setTimer: clock.setTimer.bind(clock) };
        const degradation = createDegradation({ features, clock: shown, wallClock: () => 0 });
        const recorder = recordEvents(degradation.events);
        const model = new Model();

        for (const one of steps) {
          if (one.kind === 'advance') await clock.advance(one.ms);
          else if (one.kind === 'freeze') frozenMs += one.ms;
          model.moveTo(shown.now());
          if (one.kind === 'set' || one.kind === 'restore') expectSame(model, degradation, one);
          for (const feature of names) expect(degradation.mode(feature)).toBe(model.state.get(feature)!.mode);
        }

        const told = recorder.events.map((event) => event as unknown as Record<string, unknown>);
        for (const feature of names) {
          expect(degradation.status(feature).revision).toBe(model.state.get(feature)!.revision);
          expect(
            told
              .filter((event) => event['name'] === feature)
              .map(({ from, to, cause, revision }) => [from, to, cause, revision]),
          ).toEqual(model.told.filter(([one]) => one === feature).map(([, ...rest]) => rest));
        }
        degradation.close();
        expect(clock.pendingCount).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});

/** A store that hands messages out when it is told to, in any order, any number of times, or never. */
class LossyStore implements FeatureStore {
  readonly #listeners: ((record: FeatureRecord) => void)[] = [];
  readonly #kept = new Map<string, { record: FeatureRecord; keptAt: number }>();
  readonly sent: { record: FeatureRecord; keptAt: number }[] = [];
  readonly #now: () => number;
  isDown = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  load(): Promise<readonly FeatureRecord[]> {
    if (this.isDown) return Promise.reject(new Error('down'));
    return Promise.resolve([...this.#kept.values()].map((kept) => this.#handOver(kept)));
  }

  save(record: FeatureRecord): Promise<FeatureRecord> {
    if (this.isDown) return Promise.reject(new Error('down'));
    const kept = this.#kept.get(record.feature);
    if (kept !== undefined && !supersedes(record, kept.record)) return Promise.resolve(this.#handOver(kept));
    const next = { record, keptAt: this.#now() };
    this.#kept.set(record.feature, next);
    this.sent.push(next);
    return Promise.resolve(record);
  }

  listen(listener: (record: FeatureRecord) => void): () => void {
    this.#listeners.push(listener);
    return () => {};
  }

  deliver(index: number, to: number): void {
    const message = this.sent[index % Math.max(1, this.sent.length)];
    if (message !== undefined) this.#listeners[to % this.#listeners.length]?.(this.#handOver(message));
  }

  /** What a store does when it is back: it tells everybody what it has. */
  catchUp(): void {
    for (const kept of this.#kept.values()) for (const listener of this.#listeners) listener(this.#handOver(kept));
  }

  #handOver({ record, keptAt }: { record: FeatureRecord; keptAt: number }): FeatureRecord {
    return aged(record, this.#now() - keptAt);
  }
}

const fleetStep = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    on: fc.nat(2),
    mode: fc.constantFrom(...modes),
    lengthMs: fc.integer({ min: 1, max: 20_000 }),
  }),
  fc.record({ kind: fc.constant('restore' as const), on: fc.nat(2) }),
  fc.record({ kind: fc.constant('deliver' as const), index: fc.nat(20), to: fc.nat(2) }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 8000 }) }),
  fc.record({ kind: fc.constant('toggle' as const) }),
);

describe('a fleet', () => {
  it(
    '(4) agrees once the store is back, whatever was lost, late, repeated or out of order',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fleetStep, { maxLength: 25 }), async (steps) => {
          const clock = virtualClock();
          const store = new LossyStore(() => clock.now());
          const fleet = [1, 2, 3].map((seed) =>
            createDegradation({ features, store, clock, random: seededRandom(seed), wallClock: () => 0 }),
          );

          for (const one of steps) {
            if (one.kind === 'set') fleet[one.on]!.set('reco', one.mode, { ...who, expiresInMs: one.lengthMs });
            else if (one.kind === 'restore') fleet[one.on]!.restore('reco', who);
            else if (one.kind === 'deliver') store.deliver(one.index, one.to);
            else if (one.kind === 'toggle') store.isDown = !store.isDown;
            else await clock.advance(one.ms);
          }
          store.isDown = false;
          await clock.advance(7000); // at least one retry
          for (let round = 0; round < 3; round++) {
            store.catchUp();
            await settle();
          }

          const [first, ...others] = fleet.map((node) => {
            const { mode, revision } = node.status('reco');
            return { mode, revision, pendingCount: node.storeStatus().pendingCount };
          });
          expect(first?.pendingCount).toBe(0);
          for (const other of others) expect(other).toEqual(first);
          for (const node of fleet) node.close();
          expect(clock.pendingCount).toBe(0);
        }),
        { numRuns: 500 },
      );
    },
  );
});
