/* oxlint-disable vitest/no-standalone-expect, max-lines -- the world checks itself; it reads best in one piece */
/**
 * The model: a process that is set, restored, browned out, restarted in another version, and cut off from its store, against
 * a naive account of the precedence rules that keeps lists and looks everything up anew.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Clock, Timer } from '@holdfast/core';

import { defineFeatures } from './catalogue.ts';
import { type Degradation, createDegradation } from './degradation.ts';
import { FeatureError } from './feature-error.ts';
import { type FeatureRecord, aged, supersedes } from './feature-record.ts';
import type { FeatureStore } from './feature-store.ts';
import type { ModeChange } from './mode-change.ts';
import type { OverrideRecord } from './override.ts';
import { bucketOf } from './targeting.ts';
import { overrideRecord } from './testing/records.ts';

/** Sequences that are tried; `npm run test:long` tries 50 000. */
const RUNS = Number(process.env['HOLDFAST_MODEL_RUNS'] ?? 2000);

const order = ['full', 'cached', 'reduced', 'off'];
const versions = [
  defineFeatures({
    reco: { modes: ['full', 'cached', 'off'], onLevel: { 1: 'cached', 3: 'off' } },
    pay: { modes: ['full', 'off'], essential: true, onLevel: { 4: 'off' } },
  }),
  defineFeatures({
    reco: {
      modes: ['full', 'cached', 'reduced', 'off'],
      onLevel: { 1: 'cached', 2: 'reduced', 3: 'off' },
      worstAutomatic: 'off',
    },
    pay: { modes: ['full', 'cached', 'off'], essential: true, worstAutomatic: 'cached' },
  }),
] as const;
const levelMaps = [
  {
    reco: [
      [1, 'cached'],
      [3, 'off'],
    ],
    pay: [[4, 'off']],
  },
  {
    reco: [
      [1, 'cached'],
      [2, 'reduced'],
      [3, 'off'],
    ],
    pay: [],
  },
] as const;
const worstAutomatic = [
  { reco: 'off', pay: 'off' },
  { reco: 'off', pay: 'cached' },
] as const;

type Name = 'reco' | 'pay';
const names: readonly Name[] = ['reco', 'pay'];
const people = ['ada', 'bob', 'eve', 'joe'].flatMap((key) =>
  ['free', 'paid'].map((tier) => ({ key, attributes: { tier } })),
);

/** Time that moves at once, with timers or, as in a frozen process, without. */
class HandClock implements Clock {
  private at = 0;
  private timers: { due: number; callback: () => void }[] = [];

  now(): number {
    return this.at;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { due: this.at + delayMs, callback };
    this.timers.push(timer);
    const cancel = (): void => void (this.timers = this.timers.filter((one) => one !== timer));
    return { cancel, ref: () => {}, unref: () => {} };
  }

  async move(ms: number, isFrozen: boolean): Promise<void> {
    const end = this.at + ms;
    for (let next = isFrozen ? undefined : this.next(end); next !== undefined; next = this.next(end)) {
      this.timers = this.timers.filter((one) => one !== next);
      this.at = Math.max(this.at, next.due);
      next.callback();
      await flush();
    }
    this.at = end;
  }

  private next(end: number): { due: number; callback: () => void } | undefined {
    return this.timers.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)[0];
  }
}

async function flush(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}

/** A store that can be cut off and emptied. */
class FragileStore implements FeatureStore {
  isDown = false;
  readonly kept = new Map<string, { record: FeatureRecord; at: number }>();
  private listeners: ((record: FeatureRecord) => void)[] = [];
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  load(): Promise<readonly FeatureRecord[]> {
    if (this.isDown) return Promise.reject(new Error('down'));
    return Promise.resolve([...this.kept.keys()].map((name) => this.recordOf(name) as FeatureRecord));
  }

  save(record: FeatureRecord): Promise<FeatureRecord> {
    if (this.isDown) return Promise.reject(new Error('down'));
    const kept = this.recordOf(record.feature);
    if (kept !== undefined && !supersedes(record, kept)) return Promise.resolve(kept);
    this.kept.set(record.feature, { record, at: this.clock.now() });
    return Promise.resolve(record);
  }

  listen(listener: (record: FeatureRecord) => void): () => void {
    this.listeners.push(listener);
    return () => void (this.listeners = this.listeners.filter((one) => one !== listener));
  }

  tell(record: FeatureRecord): void {
    for (const listener of this.listeners) listener(record);
  }

  recordOf(name: string): FeatureRecord | undefined {
    const kept = this.kept.get(name);
    return kept && aged(kept.record, this.clock.now() - kept.at);
  }
}

/** A wish of the model: who wants what, until when. */
interface Wanted extends Pick<OverrideRecord, 'id' | 'kind' | 'source' | 'mode' | 'shareRatio' | 'revision'> {
  readonly tier: string | undefined;
  readonly until: number;
}

/** What somebody knows of a feature in the model. */
interface Known {
  readonly revision: number;
  readonly origin: string;
  readonly wanted: readonly Wanted[];
}

const nothing: Known = { revision: 0, origin: '', wanted: [] };
const newer = (a: Known, b: Known): Known =>
  a.revision > b.revision || (a.revision === b.revision && a.origin > b.origin) ? a : b;

/** The naive account. */
class Model {
  now = 0;
  version = 0;
  origin = '';
  level = { value: 0, until: 0 };
  automatic = new Map<string, { name: Name; mode: string; until: number }>();
  known: Record<Name, Known> = { reco: nothing, pay: nothing };
  stored: Record<Name, Known> = { reco: nothing, pay: nothing };
  isDown = false;
  isLoaded = true;
  isSnapshotGood = true;
  pending = new Set<Name>();

  /** The position of a mode, or of the nearest better one, in this version. */
  place(name: Name, mode: string): number {
    const modes: readonly string[] = versions[this.version]![name].modes;
    for (let at = order.indexOf(mode); at > 0; at--) if (modes.includes(order[at]!)) return modes.indexOf(order[at]!);
    return 0;
  }

  byControllers(name: Name, bucket: number): number {
    const x = this.now < this.level.until ? this.level.value : 0;
    let worst = 0;
    for (const [step, mode] of levelMaps[this.version]![name])
      if (x >= step || (step < 4 && bucket < x - (step - 1))) worst = Math.max(worst, this.place(name, mode));
    for (const one of this.automatic.values())
      if (one.name === name && this.now < one.until) worst = Math.max(worst, this.place(name, one.mode));
    return Math.min(worst, this.place(name, worstAutomatic[this.version]![name]));
  }

  mode(name: Name, { key, attributes }: (typeof people)[number]): string {
    const mine = this.known[name].wanted
      .filter(({ until, tier }) => this.now < until && (tier === undefined || tier === attributes.tier))
      .filter(({ shareRatio }) => bucketOf('s', key) < shareRatio);
    const best = (source: string, kind: string): number | undefined => {
      const [first] = mine
        .filter((one) => one.source === source && one.kind === kind)
        .toSorted((a, b) => Number(b.tier !== undefined) - Number(a.tier !== undefined) || b.revision - a.revision);
      return first && this.place(name, first.mode);
    };
    const modes = versions[this.version]![name].modes;
    const exactly = best('break-glass', 'force') ?? best('manual', 'force');
    if (exactly !== undefined) return modes[exactly]!;
    let at = this.byControllers(name, bucketOf('level', key)) || (best('schedule', 'force') ?? 0);
    at = Math.min(at, best('manual', 'atMost') ?? Infinity);
    return modes[Math.max(at, best('manual', 'atLeast') ?? 0)]!;
  }

  /** The process learns of, or makes, something newer. */
  learn(name: Name, next: Known): void {
    this.known[name] = next;
    this.isSnapshotGood = true;
  }

  /** The process offers what it knows, and takes what is better. */
  sync(name: Name): void {
    if (this.isDown) {
      this.pending.add(name);
      return;
    }
    this.pending.delete(name);
    this.stored[name] = newer(this.known[name], this.stored[name]);
    if (this.stored[name] !== this.known[name] && newer(this.stored[name], this.known[name]) === this.stored[name])
      if (this.stored[name].revision > 0) this.learnIfNewer(name, this.stored[name]);
  }

  learnIfNewer(name: Name, next: Known): void {
    const before = this.known[name];
    const isNewer =
      next.revision > before.revision || (next.revision === before.revision && next.origin > before.origin);
    if (isNewer) this.learn(name, next);
  }
}

const name = fc.constantFrom(...names);
const ttlMs = fc.integer({ min: 1, max: 60 });

const setStep = fc.record({
  do: fc.constant('set' as const),
  name,
  mode: fc.constantFrom(...order),
  kind: fc.constantFrom('force' as const, 'force' as const, 'atLeast' as const, 'atMost' as const),
  source: fc.constantFrom('manual' as const, 'manual' as const, 'schedule' as const, 'break-glass' as const),
  shareRatio: fc.constantFrom(1, 1, 0.5, 0.1),
  tier: fc.constantFrom(undefined, undefined, 'free', 'paid'),
  role: fc.constantFrom(undefined, 'viewer' as const, 'operator' as const, 'break-glass' as const),
  ifRevision: fc.option(fc.nat(4), { nil: undefined, freq: 5 }),
  expiresInMs: ttlMs,
});
type SetStep = typeof setStep extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { weight: 5, arbitrary: setStep },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restore' as const), name, ifRevision: setStep.map((s) => s.ifRevision) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('level' as const),
      level: fc.double({ min: 0, max: 4, noNaN: true }),
      ttlMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('automatic' as const),
      name,
      actor: fc.constantFrom('a', 'b'),
      mode: fc.constantFrom(undefined, ...order),
      ttlMs,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), ms: fc.nat(40), isFrozen: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('foreign' as const),
      name,
      mode: fc.constantFrom(...order),
      isHeard: fc.boolean(),
      ttlMs,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('store' as const), isLost: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restart' as const), version: fc.nat(1), isDamaged: fc.boolean() }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The process, its store, its disk, and the model of them. */
class World {
  readonly clock = new HandClock();
  readonly store = new FragileStore(this.clock);
  readonly model = new Model();
  disk: string | undefined = undefined;
  process!: Degradation;
  private count = 0;

  async start(version: number): Promise<void> {
    const { clock, store, model } = this;
    this.count++;
    model.version = version;
    const random = this.count / 1e6; // a later start has a greater name
    const digits = Math.floor(random * 2 ** 52)
      .toString(36)
      .padStart(11, '0');
    model.origin = `${digits}${digits}`;
    this.process = createDegradation({
      features: versions[version]!,
      store,
      clock,
      random: () => random,
      wallClock: () => clock.now(),
      storeRetryMs: 1,
      maxAuditEntries: 1,
      hash: () => '',
      lastKnownGood: {
        load: () => Promise.resolve(this.disk),
        save: (text) => {
          this.disk = text;
          return Promise.resolve();
        },
      },
    });
    await flush();
  }

  async take(one: Step): Promise<void> {
    if (one.do === 'set') this.set(one);
    else if (one.do === 'restore') this.restore(one);
    else if (one.do === 'level' || one.do === 'automatic') this.control(one);
    else if (one.do === 'move') await this.clock.move(one.ms, one.isFrozen);
    else if (one.do === 'foreign') this.foreign(one);
    else if (one.do === 'store') await this.toggle(one.isLost);
    else await this.restart(one);
    await flush();
    this.model.now = this.clock.now();
  }

  check(): void {
    for (const feature of names) {
      for (const person of people)
        expect(this.process.handle(feature).read(undefined, person).mode).toBe(this.model.mode(feature, person));
      expect(this.process.status(feature).revision).toBe(this.model.known[feature].revision);
    }
  }

  /** Whether the process makes a change; what it throws is a refusal. */
  private isMade(act: () => unknown): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (error instanceof FeatureError) return false;
      throw error;
    }
  }

  private set(one: SetStep): void {
    const { model } = this;
    const { name: feature, mode, kind, source, shareRatio, tier, role, ifRevision, expiresInMs } = one;
    const match = tier === undefined ? [] : [{ attribute: 'tier', in: [tier] }];
    const change: ModeChange = {
      actor: 'a',
      reason: 'r',
      kind,
      source,
      shareRatio,
      seed: 's',
      match,
      role,
      ifRevision,
      expiresInMs,
    };
    const isMade = this.isMade(() => this.process.set(feature, mode, change));
    const before = model.known[feature];
    expect(isMade).toBe(this.isRight(one));
    if (!isMade) return;
    const revision = before.revision + 1;
    const id = `${source} ${kind} ${tier}`;
    const others = before.wanted.filter((other) => other.id !== id && this.clock.now() < other.until);
    const wanted = { id, kind, source, mode, shareRatio, revision, tier, until: this.clock.now() + expiresInMs };
    model.learn(feature, { revision, origin: model.origin, wanted: [...others, wanted] });
    model.sync(feature);
  }

  /** Whether the change is one that may be made. */
  private isRight(one: SetStep): boolean {
    const { name: feature, mode, kind, source, role, ifRevision } = one;
    const { model } = this;
    const modes: readonly string[] = versions[model.version]![feature].modes;
    const { revision } = model.known[feature];
    if (!modes.includes(mode) || (source !== 'manual' && kind !== 'force')) return false;
    if (role === 'viewer' || (ifRevision ?? revision) !== revision) return false;
    return role === 'break-glass' || this.isModest(one);
  }

  /** Whether the change is one that needs no break-glass. */
  private isModest({ name: feature, mode, kind, source, role }: SetStep): boolean {
    const { model } = this;
    const modes: readonly string[] = versions[model.version]![feature].modes;
    const outbids = kind === 'force' && modes.indexOf(mode) < model.byControllers(feature, 0.5);
    return source !== 'break-glass' && !(role === 'operator' && outbids);
  }

  private restore({ name: feature, ifRevision }: { name: Name; ifRevision: number | undefined }): void {
    const { model } = this;
    const before = model.known[feature];
    const change = { actor: 'a', reason: 'r', role: 'break-glass' as const, ifRevision };
    const isMade = this.isMade(() => this.process.restore(feature, change));
    expect(isMade).toBe(ifRevision === undefined || ifRevision === before.revision);
    if (!isMade || before.wanted.every(({ until }) => until <= this.clock.now())) return;
    model.learn(feature, { revision: before.revision + 1, origin: model.origin, wanted: [] });
    model.sync(feature);
  }

  private control(one: Step & { do: 'level' | 'automatic' }): void {
    const { model, clock } = this;
    const until = clock.now() + one.ttlMs;
    const said = { actor: one.do === 'level' ? 'level' : one.actor, reason: 'r', expiresInMs: one.ttlMs };
    if (one.do === 'level') {
      this.process.setLevel(one.level, said);
      model.level = { value: one.level, until };
      return;
    }
    const modes: readonly string[] = versions[model.version]![one.name].modes;
    const isMade = this.isMade(() => this.process.setAutomatic(one.name, one.mode, said));
    expect(isMade).toBe(one.mode === undefined || modes.includes(one.mode));
    if (one.mode === undefined) model.automatic.delete(`${one.name} ${one.actor}`);
    else if (isMade) model.automatic.set(`${one.name} ${one.actor}`, { name: one.name, mode: one.mode, until });
  }

  /** Another process, of the newest version, forces a mode; the notice may get lost. */
  private foreign({ name: feature, mode, isHeard, ttlMs: remainingMs }: Step & { do: 'foreign' }): void {
    const { store, model, clock } = this;
    if (store.isDown) return;
    const revision = model.stored[feature].revision + 1;
    const origin = `~${String(++this.count).padStart(6, '0')}`;
    const betterModes = order.slice(0, order.indexOf(mode));
    const override = overrideRecord({ mode, betterModes, revision, remainingMs, seed: 's' });
    const record = {
      feature,
      revision,
      origin,
      overrides: [override],
      isAtOnce: false,
      actor: 'f',
      reason: 'r',
      changedAtMs: 0,
    };
    store.kept.set(feature, { record, at: clock.now() });
    const wanted = {
      id: 'manual force undefined',
      kind: 'force',
      source: 'manual',
      mode,
      shareRatio: 1,
      revision,
    } as const;
    model.stored[feature] = {
      revision,
      origin,
      wanted: [{ ...wanted, tier: undefined, until: clock.now() + remainingMs }],
    };
    if (!isHeard) return;
    store.tell(record);
    model.learnIfNewer(feature, model.stored[feature]);
    if (model.known[feature] !== model.stored[feature]) model.sync(feature); // it tells the store of the later one
  }

  private async toggle(isLost: boolean): Promise<void> {
    const { store, model, clock } = this;
    store.isDown = !store.isDown;
    model.isDown = store.isDown;
    if (store.isDown) return;
    if (isLost) {
      store.kept.clear();
      model.stored = { reco: nothing, pay: nothing };
    }
    await clock.move(5, false); // by then it has tried again
    for (const feature of names) if (!model.isLoaded || model.pending.has(feature)) model.sync(feature);
    model.isLoaded = true;
  }

  private async restart({ version, isDamaged }: { version: number; isDamaged: boolean }): Promise<void> {
    const { model } = this;
    this.process.close();
    if (isDamaged && this.disk !== undefined) {
      this.disk = `${this.disk}!`;
      model.isSnapshotGood = false;
    }
    model.level = { value: 0, until: 0 };
    model.automatic.clear();
    model.pending.clear();
    if (!model.isSnapshotGood) model.known = { reco: nothing, pay: nothing };
    model.isLoaded = !model.isDown;
    await this.start(version);
    if (!model.isDown) for (const feature of names) model.sync(feature);
  }
}

describe('the model', () => {
  it(`agrees with the process in ${RUNS} random sequences`, { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.nat(1), async (steps, version) => {
        const world = new World();
        await world.start(version);
        for (const one of steps) {
          await world.take(one);
          world.check();
        }
        world.process.close();
      }),
      { numRuns: RUNS },
    );
  });
});
