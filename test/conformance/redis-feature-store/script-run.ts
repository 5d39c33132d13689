/**
 * Script run: random saves and looks on a server and on the model, and where the two differ.
 *
 * @module
 */

import fc from 'fast-check';
import type { Redis } from 'ioredis';

import { featureKeys } from '../../../packages/redis/src/feature-store/feature-keys.ts';
import { FeatureModel, type SaveArguments } from '../../redis/feature-model.ts';

const keys = featureKeys({ prefix: 'rb', namespace: 't' });
const allKeys = [keys.stamp, keys.records, keys.trail];

/** The scripts that are compared with the model. */
export interface ScriptTexts {
  readonly save: string;
  readonly sync: string;
}

/** One step: a save, a look, or what somebody else does to the server. */
export type ScriptStep =
  | { readonly kind: 'save'; readonly save: Omit<Save, 'kind'> }
  | { readonly kind: 'sync'; readonly known: 'current' | 'older' | '' }
  | { readonly kind: 'spoil'; readonly feature: string; readonly packed: string }
  | { readonly kind: 'forget'; readonly what: 'everything' | 'stamp' | 'records' | 'trail' };

interface Save {
  readonly feature: string;
  readonly revision: number;
  readonly origin: string;
  readonly reason: string;
  readonly expiresInMs: number | undefined;
  readonly hasEntry: boolean;
  /** How long ago it was sent; undefined where nobody knows. */
  readonly sentAgoMs: number | undefined;
  /** Whether it says that it cannot read what is there, or something else. */
  readonly unreadable: 'what is there' | 'something else' | undefined;
  /** Parameters of its entry. */
  readonly params: Readonly<Record<string, unknown>> | undefined;
}

const names = fc.constantFrom('search', 'checkout', 'a%20b');

const units = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));

const saves = fc.record({
  feature: names,
  revision: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(2 ** 52, 2 ** 52 - 1, 1_000_000)),
  origin: fc.constantFrom('', '0061', '0062', '00610061', 'd83d'),
  reason: fc.oneof(fc.string(), units, fc.constant('x'.repeat(200))),
  expiresInMs: fc.option(fc.oneof(fc.nat(86_400_000), fc.integer({ min: -5000, max: 2 ** 31 - 1 })), {
    nil: undefined,
  }),
  hasEntry: fc.boolean(),
  sentAgoMs: fc.constantFrom(undefined, 0, 0.5, 20, 4000, 59_000, 61_000, -5000),
  unreadable: fc.constantFrom(undefined, undefined, 'what is there' as const, 'something else' as const),
  params: fc.option(fc.dictionary(fc.string(), fc.oneof(units, fc.boolean(), fc.integer()), { maxKeys: 3 }), {
    nil: undefined,
  }),
});

/** Records that nobody of us writes. */
const spoiled = [
  '',
  'rubbish',
  '99999999999999999 0061 1 s {}',
  '3 0061 1 s',
  '3 00zz 1 s {}',
  '3 0061 1  {}',
  '9 0061 1 s {}',
];

const kind = <K extends ScriptStep['kind']>(name: K): fc.Arbitrary<K> => fc.constant(name);
const forgotten = fc.constantFrom('everything' as const, 'stamp' as const, 'records' as const, 'trail' as const);
const knowns = fc.constantFrom('current' as const, 'older' as const, '' as const);

const anyStep: fc.Arbitrary<ScriptStep> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: kind('save'), save: saves }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('sync'), known: knowns }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('spoil'), feature: names, packed: fc.constantFrom(...spoiled) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('forget'), what: forgotten }) },
);

/** Any steps. */
export const scriptSteps: fc.Arbitrary<readonly ScriptStep[]> = fc.array(anyStep, { minLength: 1, maxLength: 30 });

/** Does `steps` on a server and on the model. Returns the first difference; undefined where there is none. */
export async function firstDifference(
  server: { readonly client: Redis; readonly heard: readonly string[] },
  texts: ScriptTexts,
  steps: readonly ScriptStep[],
): Promise<string | undefined> {
  const { client, heard } = server;
  await client.flushall();
  const model = new FeatureModel();
  const from = heard.length;
  let older = '-';
  for (const [index, step] of steps.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const [theirs, ours] = await both(client, texts, { model, step, index, older });
    if (theirs !== ours) return `step ${index}, ${JSON.stringify(step)}\n${theirs}\n${ours}`;
    older = index % 3 === 0 ? stampOf(model) : older;
  }
  const [theirs, ours] = [await dump(client), dumpModel(model)];
  if (theirs !== ours) return `in the end\n${theirs}\n${ours}`;
  const told = JSON.stringify(await heardSince(client, heard, { from, count: model.notices.length }));
  return told === JSON.stringify(model.notices) ? undefined : `notices\n${told}\n${JSON.stringify(model.notices)}`;
}

/** The channel that notices are published on. */
export const noticeChannel: string = keys.channel;

// --- internal ---

interface Place {
  readonly model: FeatureModel;
  readonly step: ScriptStep;
  readonly index: number;
  readonly older: string;
}

/** Does one step on both. Returns what came of it, as text. */
async function both(
  client: Redis,
  texts: ScriptTexts,
  { model, step, index, older }: Place,
): Promise<[string, string]> {
  switch (step.kind) {
    case 'save': {
      const there = model.records.get(step.save.feature) ?? '';
      const args = argumentsOf(step.save, `m${index}`, { now: await serverNow(client), there });
      const reply = (await client.eval(texts.save, 3, ...allKeys, ...args)) as readonly string[];
      return [JSON.stringify(reply), JSON.stringify(model.save(args, Number(reply[0])))];
    }
    case 'sync': {
      const known = { current: stampOf(model), older, '': '' }[step.known];
      const reply = (await client.eval(texts.sync, 2, keys.stamp, keys.records, known)) as readonly unknown[];
      return [JSON.stringify(sorted(reply)), JSON.stringify(model.sync(known, Number(reply[0])))];
    }
    case 'spoil': {
      await client.hset(keys.records, step.feature, step.packed);
      await client.pexpire(keys.records, 60_000);
      model.records.set(step.feature, step.packed);
      return ['', ''];
    }
    case 'forget': {
      await forget(client, model, step.what);
      return ['', ''];
    }
  }
}

async function forget(client: Redis, model: FeatureModel, what: 'everything' | 'stamp' | 'records' | 'trail') {
  if (what === 'everything' || what === 'stamp') {
    await client.del(keys.stamp);
    for (const field of ['e', 'v', 's', 'h'] as const) delete model.mark[field];
  }
  if (what === 'everything' || what === 'records') {
    await client.del(keys.records);
    model.records.clear();
  }
  if (what === 'everything' || what === 'trail') {
    await client.del(keys.trail);
    model.trail.length = 0;
  }
}

function argumentsOf(save: Save, mark: string, { now, there }: { now: number; there: string }): SaveArguments {
  const { feature, revision, origin, reason, expiresInMs, hasEntry, sentAgoMs, unreadable, params } = save;
  const entry = hasEntry ? JSON.stringify([feature, 'full', 'off', 'alice', reason, revision, 'set']).slice(1, -1) : '';
  const text = JSON.stringify({ feature, revision, reason });
  return [
    keys.channel,
    'PUBLISH',
    mark,
    feature,
    String(revision),
    origin,
    'seal',
    text,
    entry,
    expiresInMs === undefined ? '' : String(expiresInMs),
    2,
    sentAgoMs === undefined ? '' : String(now - sentAgoMs),
    unreadable === undefined ? '' : unreadable === 'what is there' ? there : 'rubbish',
    params === undefined ? '' : `,${JSON.stringify(params)}`,
  ];
}

async function serverNow(client: Redis): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

function stampOf(model: FeatureModel): string {
  return String(model.sync('', 0)[1]);
}

function sorted([now, stamp, flat]: readonly unknown[]): readonly unknown[] {
  if (flat === undefined) return [now, stamp];
  return [now, stamp, pairs(flat as readonly string[])];
}

function pairs(flat: readonly string[]): readonly (readonly [string, string])[] {
  const all = Array.from(
    { length: flat.length / 2 },
    (_each, index) => [flat[2 * index], flat[2 * index + 1]] as const,
  );
  return (all as [string, string][]).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

async function dump(client: Redis): Promise<string> {
  const [mark, records, trail] = await Promise.all([
    client.hgetall(keys.stamp),
    client.hgetall(keys.records),
    client.lrange(keys.trail, 0, -1),
  ]);
  const lives = await Promise.all(allKeys.map((key) => client.pttl(key)));
  const isMortal = lives.every((ms) => ms !== -1);
  return JSON.stringify([inOrder(mark), inOrder(records), trail, isMortal]);
}

function dumpModel({ mark, records, trail }: FeatureModel): string {
  return JSON.stringify([inOrder(mark), inOrder(Object.fromEntries(records)), trail, true]);
}

function inOrder(fields: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** What was heard: all that was published before this is heard before the last of it is. */
async function heardSince(
  client: Redis,
  heard: readonly string[],
  { from, count }: { readonly from: number; readonly count: number },
): Promise<readonly string[]> {
  const end = `end ${from} ${count} ${Math.random()}`;
  await client.publish(keys.channel, end);
  // oxlint-disable-next-line no-await-in-loop -- until it is heard
  while (!heard.includes(end, from)) await new Promise((resolve) => setImmediate(resolve));
  return heard.slice(from).filter((text) => !text.startsWith('end '));
}
