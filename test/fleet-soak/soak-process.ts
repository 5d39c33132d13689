/**
 * Soak process: the stores of one process of a soak: some that come and go, and one for each place that stays.
 *
 *   storm: lives begin and end ─► calm: no new ones ─► finished: all have ended, and nothing is left
 *
 * @module
 */

import { leftovers } from '../soak/leftovers.ts'; // first, to see all timers

import { seededRandom } from '@holdfast/core/testing';
import { Redis } from 'ioredis';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import type { Sample } from '../soak/slope.ts';
import { SoakDependency } from './soak-dependency.ts';
import { type SoakPlace, soakPlaces } from './soak-place.ts';
import { plantAll } from './soak-plants.ts';
import { SoakRecord } from './soak-record.ts';
import { keptIn } from './store-inside.ts';
import { type LifeParts, StoreLife } from './store-life.ts';

/** What a process has come to. */
export interface SoakReport {
  readonly counts: Readonly<Record<string, number>>;
  /** What must not have been, and what is left, as sentences. */
  readonly complaints: readonly string[];
}

/** What a process is started with. */
export interface SoakSettings {
  readonly seed: number;
  /** Of the server, or of what stands before it. */
  readonly port: number;
  /** Faults of our own to plant, by name. */
  readonly plants: readonly string[];
}

/** The stores of one process. */
export class SoakProcess {
  private readonly index: number;
  private readonly plants: readonly string[];
  private readonly client: Redis;
  private readonly parts: LifeParts;
  private readonly steady: StoreLife[];
  private readonly before: Promise<readonly string[]>;
  private readonly listenersBefore: number;
  private readonly lives: readonly Promise<void>[];
  private isStormy = true;
  private lifeCount = 0;

  constructor(index: number, { seed, port, plants }: SoakSettings) {
    const random = seededRandom(seed + index);
    this.index = index;
    this.plants = plants;
    this.client = new Redis({ port, lazyConnect: true });
    this.listenersBefore = listenersOf(this.client);
    this.before = leftovers();
    const dependency = new SoakDependency(seed, random);
    this.parts = { client: this.client, random, dependency, record: new SoakRecord() };
    this.steady = soakPlaces.map((place) => new StoreLife(this.parts, { place, node: `steady-${index}`, breakers: 4 }));
    this.lives = Array.from({ length: LIVES }, () => this.live());
  }

  /** The heap after a garbage collection, by how many stores were closed before. */
  async sample(): Promise<Sample> {
    await collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return { calls: this.closedCount, bytes: heapUsed + external };
  }

  /** No new stores any more, those that come and go are closed, and dependencies are well. */
  async calmDown(): Promise<void> {
    this.isStormy = false;
    this.parts.dependency.isWell = true;
    for (const life of this.steady) life.settle();
    await Promise.all(this.lives);
  }

  /** Nothing where all circuits are closed, or what they are instead. */
  isCalm(): string {
    const { steady } = this;
    return steady.every((life) => life.isCalm) ? '' : steady.map((life) => life.describe()).join('\n');
  }

  /** Ends all that is left, and looks whether something is. */
  async finish(): Promise<SoakReport> {
    const { record } = this.parts;
    const kept = await endAll(this.steady.splice(0));
    record.sumCalls();
    const left = await leftIn(record, await this.before);
    const listeners = listenersOf(this.client) - this.listenersBefore;
    const heard = listeners === 0 ? [] : [`${listeners} more listeners on the client`];
    return { counts: record.counts, complaints: [...record.strange, ...kept, ...heard, ...left] };
  }

  // --- internal ---

  private get closedCount(): number {
    return this.parts.record.counts['a store is closed'] ?? 0;
  }

  private async live(): Promise<void> {
    const { random, record } = this.parts;
    while (this.isStormy) {
      const place = soakPlaces[Math.floor(random() * soakPlaces.length)] as SoakPlace;
      const node = `p${this.index}-${this.lifeCount++}`;
      const life = new StoreLife(this.parts, { place, node, breakers: 1 + Math.floor(random() * 3) });
      // oxlint-disable-next-line no-await-in-loop -- one life after the other
      await sleep(MIN_LIFE_MS + random() * LIFE_SPREAD_MS);
      await life.end(); // oxlint-disable-line no-await-in-loop
      plantAll(this.plants, { client: this.client, record, closed: life.store, closedCount: this.closedCount });
    }
  }
}

// --- internal ---

/** Stores that come and go at a time, and how long one lives. Milliseconds. */
const [LIVES, MIN_LIFE_MS, LIFE_SPREAD_MS] = [3, 300, 4000];

/** Time within which what is not needed any more is forgotten: some polls. Milliseconds. */
const FORGET_MS = 10_000;

/** How often is looked for what is left, 200 ms apart. */
const MAX_LOOKS = 25;

/** Ends lives whose circuits are all closed. Returns what their stores kept when they had no breakers any more. */
async function endAll(lives: readonly StoreLife[]): Promise<readonly string[]> {
  for (const life of lives) life.empty();
  const kept = (): readonly string[] => lives.flatMap(({ store }) => keptIn(store));
  await eventually(() => kept().length === 0, { what: 'nothing', limitMs: FORGET_MS, everyMs: 100 }).catch(() => {});
  const left = kept();
  await Promise.all(lives.map((life) => life.end()));
  return left;
}

/** What is left in the process; what goes by itself is waited for. */
async function leftIn(record: SoakRecord, before: readonly string[]): Promise<readonly string[]> {
  let left: readonly string[] = [];
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (look > 0) await sleep(200);
    await collectGarbage();
    const stores = record.keptStores();
    const own = stores > 0 ? [`${stores} stores that were closed are kept`] : [];
    left = [...(await leftovers()).filter((each) => !before.includes(each)), ...own];
    if (left.length === 0) break;
  }
  return left;
}

async function collectGarbage(): Promise<void> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  await new Promise(setImmediate);
  gc();
  await new Promise(setImmediate);
  gc();
}

function listenersOf(emitter: Redis): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}
