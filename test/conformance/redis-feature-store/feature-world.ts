/**
 * Feature world: several processes with the shipped store and the shipped features, one server, operators, and bad luck, in
 * virtual time. One seed is one story.
 *
 * Invariants
 *  (1) No revision goes back in a process that lives.
 *  (2) A feature changes by what somebody did, and by the end of that, at its time: wherever it is known, however it came there.
 *  (3) Once the server answers and for two polls nothing happens, all know the same, the server too, and owe nothing.
 *  (4) What they know then is no older than what any of them knew when it came back.
 *  (5) The trail is a chain, and names each change that is in force.
 *  (6) After close there is no timer.
 *  (7) Whoever cannot reach the server says so.
 *
 * @module
 */

import { createEvents } from '@holdfast/core';
import { seededRandom, virtualClock } from '@holdfast/core/testing';
import { type Degradation, createDegradation, defineFeatures, findTampering } from '@holdfast/degradation';
import { type RedisClient, type RedisFeatureStore, redisFeatureStore } from '@holdfast/redis';

import { type LabNetwork, LabServer } from './lab-server.ts';

const features = defineFeatures({
  search: { modes: ['full', 'reduced', 'off'] },
  pay: { modes: ['full', 'deferred'] },
});
const names = ['search', 'pay'] as const;
const modes = { search: ['reduced', 'off'], pay: ['deferred'] } as const;

const POLL_MS = 1000;

/** How far an end may be from its time: what is known of the server's clock is as good as half an answer. Milliseconds. */
const TOLERANCE_MS = 200;

/** Plays the story of `seed`. Returns the first thing that is not as it must be; undefined where all is. */
export async function playFeatureWorld(seed: number): Promise<string | undefined> {
  const world = new World(seed);
  try {
    await world.begin(3);
    for (let step = 0; step < STEPS && world.violation === undefined; step++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await world.step();
    }
    await world.settle();
    await world.end();
    return world.violation;
  } catch (error) {
    return `it threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

// --- internal ---

const STEPS = 60;

interface Process {
  readonly name: string;
  readonly store: RedisFeatureStore;
  readonly degradation: Degradation;
  readonly revisions: Map<string, number>;
}

class World {
  violation: string | undefined;
  private readonly clock = virtualClock();
  private readonly network: LabNetwork;
  private readonly server: LabServer;
  private readonly random: () => number;
  private processes: Process[] = [];
  /** By who made a change: when it ends. */
  private readonly ends = new Map<string, number>();
  private count = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.network = { random: this.random, lossRatio: this.pick([0, 0.1, 1]) };
    this.server = new LabServer(this.clock, this.network);
  }

  async begin(size: number): Promise<void> {
    for (let index = 0; index < size; index++) this.start();
    await this.clock.advance(this.pick([0, 700, 1500]));
  }

  async step(): Promise<void> {
    const what = this.pick(deeds);
    switch (what) {
      case 'set':
        this.set(this.someone());
        break;
      case 'restore':
        this.restore(this.someone());
        break;
      case 'restart':
        await this.restart();
        break;
      case 'save':
        this.server.save();
        break;
      case 'break':
        await this.breakServer();
        break;
      case 'wait':
        break;
    }
    await this.clock.advance(this.pick([0, 1, 5, 30, 300, 1500]));
    for (const process of this.processes) this.look(process);
  }

  /** Lets the server answer again, and nothing happen for two polls. */
  async settle(): Promise<void> {
    if (!this.server.isUp) this.server.resume();
    if (!this.server.isUp) this.server.up('same');
    const known = names.map((name) => Math.max(...this.processes.map((process) => revisionOf(process, name))));
    await this.clock.advance(600 + 2 * POLL_MS);
    for (const process of this.processes) this.look(process);
    const states = this.processes.map((process) => JSON.stringify(stateOf(process)));
    if (new Set(states).size > 1) this.violate(`(3) they differ: ${states.join(' ')}`);
    for (const { name, degradation } of this.processes) {
      const { state, pendingCount } = degradation.storeStatus();
      if (state !== 'live' || pendingCount > 0) this.violate(`(3) ${name} is ${state} and owes ${pendingCount}`);
    }
    for (const [index, name] of names.entries()) this.compare(name, known[index] as number);
  }

  async end(): Promise<void> {
    const [first] = this.processes;
    const asked = (first as Process).store.audit();
    await this.clock.advance(10);
    const trail = await asked;
    if (findTampering(trail) !== undefined) this.violate(`(5) the trail is broken: ${JSON.stringify(trail)}`);
    for (const name of names) {
      const revision = revisionOf(first as Process, name);
      const isNamed = trail.some((entry) => entry.feature === name && entry.revision === revision);
      if (revision > 0 && !isNamed) this.violate(`(5) nobody tells of ${name} ${revision}`);
    }
    await Promise.all(this.processes.map(close));
    await this.clock.advance(600); // until whoever was about to connect does not
    if (this.clock.pendingCount > 0) this.violate(`(6) ${this.clock.pendingCount} timers are left`);
  }

  private compare(name: (typeof names)[number], known: number): void {
    const revision = revisionOf(this.processes[0] as Process, name);
    if (revision < known) this.violate(`(4) ${name} is at ${revision}, and was at ${known}`);
    const packed = this.server.model.records.get(name);
    const kept = Number(packed?.split(' ')[0] ?? 0);
    if (kept !== revision) this.violate(`(3) ${name} is at ${revision}, and at ${kept} on the server`);
  }

  private start(): Process {
    const { clock, random } = this;
    const name = `p${this.count++}`;
    const events = createEvents();
    const client = this.server.client() as unknown as RedisClient;
    const store = redisFeatureStore(client, { namespace: 'world', clock, random, pollMs: POLL_MS });
    const degradation = createDegradation({ features, store, clock, random, events, wallClock: () => clock.now() });
    events.listen((event) => {
      if (event.type === 'feature.changed') this.hear(name, event as unknown as Told);
    });
    const process = { name, store, degradation: degradation as unknown as Degradation, revisions: new Map() };
    this.processes.push(process);
    return process;
  }

  private hear(process: string, { name, actor, cause }: Told): void {
    const at = this.clock.now();
    const end = this.ends.get(actor);
    if (cause === 'restored') return;
    if (end === undefined) this.violate(`(2) ${process}: ${name} was changed by nobody: ${actor}`);
    else if (cause === 'expired' && Math.abs(at - end) > TOLERANCE_MS)
      this.violate(`(2) ${process}: ${name} of ${actor} ended at ${at}, not ${end}`);
  }

  private set(process: Process): void {
    const feature = this.pick(names);
    const actor = `op${this.ends.size}`;
    const expiresInMs = this.pick([200, 3000, 60_000]);
    this.ends.set(actor, this.clock.now() + expiresInMs);
    process.degradation.set(feature, this.pick(modes[feature]), { actor, reason: 'a drill', expiresInMs });
  }

  private restore(process: Process): void {
    process.degradation.restore(this.pick(names), { actor: 'somebody', reason: 'over' });
  }

  private async restart(): Promise<void> {
    const gone = this.someone();
    this.processes = this.processes.filter((process) => process !== gone);
    await close(gone);
    this.start();
  }

  private async breakServer(): Promise<void> {
    if (this.random() < 0.4) this.server.pause();
    else this.server.down();
    const awayMs = this.pick([1, 50, 500, 3000]);
    await this.clock.advance(awayMs);
    for (const { name, degradation } of this.processes)
      if (awayMs > 2 * POLL_MS && degradation.storeStatus().state !== 'stale')
        this.violate(`(7) ${name} has not noticed that the server is away`);
    if (this.random() < 0.5) this.set(this.someone());
    await this.clock.advance(this.pick([0, 100, 1000]));
    this.server.resume();
    if (!this.server.isUp) this.server.up(this.pick(['same', 'saved', 'empty']));
  }

  private look(process: Process): void {
    for (const name of names) {
      const revision = revisionOf(process, name);
      const before = process.revisions.get(name) ?? 0;
      if (revision < before) this.violate(`(1) ${process.name}: ${name} went from ${before} back to ${revision}`);
      process.revisions.set(name, revision);
      const actor = process.degradation.status(name).override?.actor ?? '';
      const overdueMs = this.clock.now() - (this.ends.get(actor) ?? Infinity);
      if (overdueMs > TOLERANCE_MS) this.violate(`(2) ${process.name}: ${name} of ${actor} goes on after its end`);
    }
  }

  private someone(): Process {
    return this.pick(this.processes);
  }

  private pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.random() * all.length)] as T;
  }

  private violate(what: string): void {
    this.violation ??= `at ${this.clock.now()}: ${what}`;
  }
}

interface Told {
  readonly name: string;
  readonly actor: string;
  readonly cause: string;
}

const deeds = ['set', 'set', 'set', 'restore', 'restart', 'save', 'break', 'wait', 'wait'] as const;

function revisionOf({ degradation }: Process, name: string): number {
  return degradation.status(name).revision;
}

function stateOf({ degradation }: Process): unknown {
  return degradation.list().map(({ name, mode, revision }) => [name, mode, revision]);
}

async function close({ degradation, store }: Process): Promise<void> {
  degradation.close();
  await store.close();
}
