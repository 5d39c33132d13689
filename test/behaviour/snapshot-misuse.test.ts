/**
 * Misuse of what is kept for the next start: a file that somebody damaged, forged or left open is refused as a whole, the error
 * says why, and the features are as they are coded.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createEvents } from '@holdfast/core';
import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';
import {
  type FeatureError,
  type FeatureStore,
  type Seal,
  checksum,
  createDegradation,
  defineFeatures,
  signature,
  snapshotFile,
} from '@holdfast/degradation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const features = defineFeatures({ recommendations: { modes: ['full', 'cached', 'off'] } });
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 };
const seal = signature('a secret of the fleet');

describe('misuse of what is kept for the next start', () => {
  let folder = '';
  let path = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-misuse-'));
    path = join(folder, 'features');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A process with that file, once it has read it, and a store that is away. */
  async function start({ startMs = 0, maxBytes = 10_000 } = {}) {
    const clock = virtualClock();
    const events = createEvents();
    const recorder = recordEvents(events);
    const offered: unknown[] = [];
    const store: FeatureStore = {
      load: () => new Promise(() => {}),
      save: (record) => {
        offered.push(record);
        return new Promise(() => {});
      },
      listen: () => () => {},
    };
    const file = snapshotFile({ fs, path, maxBytes });
    const disk: Promise<unknown>[] = [];
    const noted = <T>(done: Promise<T>): Promise<T> => {
      disk.push(done);
      return done;
    };
    const lastKnownGood = { load: () => noted(file.load()), save: (text: string) => noted(file.save(text)) };
    const ports = { clock, events, random: seededRandom(8), wallClock: () => startMs + clock.now() };
    const degradation = createDegradation({ features, store, lastKnownGood, seal, snapshotDelayMs: 0, ...ports });
    const settleDisk = async () => {
      await Promise.allSettled(disk);
      await settle();
    };
    await settleDisk();
    return { clock, recorder, offered, degradation, settleDisk };
  }

  /** Leaves a good file behind, and returns what is in it. */
  async function keep(): Promise<string> {
    const { degradation, settleDisk } = await start();
    degradation.set('recommendations', 'off', { ...change, expiresInMs: 3_600_000 });
    await settleDisk();
    degradation.close();
    return readFile(path, 'utf8');
  }

  const sealedBy = (other: Seal) => (text: string) => `${other.seal(body(text))}\n${body(text)}`;
  const body = (text: string) => text.slice(text.indexOf('\n') + 1);
  const rewritten = (make: (text: string) => string) => async (text: string) => writeFile(path, make(text));

  it('is none: the file is good, and what was set is in force', async () => {
    await keep();
    const { degradation, recorder } = await start({ startMs: 1000 });

    expect(degradation.status('recommendations')).toMatchObject({ mode: 'off', override: { remainingMs: 3_599_000 } });
    expect(recorder.types).toEqual(['feature.changed']);
  });

  it.each<[string, (text: string) => Promise<unknown>, string]>([
    ['unsigned', rewritten(body), 'seal'],
    ['signed with nothing', rewritten((text) => `\n${body(text)}`), 'seal'],
    ['signed with another secret', rewritten(sealedBy(signature('a secret of the others'))), 'seal'],
    ['only checked against damage', rewritten(sealedBy(checksum)), 'seal'],
    ['changed by hand', rewritten((text) => text.replace('"off"', '"cached"')), 'seal'],
    ['cut off', rewritten((text) => text.slice(0, -20)), 'seal'],
    ['cut off to nothing', rewritten(() => ''), 'seal'],
    ['of zeros, as after a power cut', rewritten((text) => '\0'.repeat(text.length)), 'seal'],
    ['signed, and no JSON', rewritten(() => `${seal.seal('[')}\n[`), 'form'],
    ['signed, and of another version', rewritten(() => `${seal.seal('{"version":9}')}\n{"version":9}`), 'form'],
    ['signed, with an expiry of NaN', rewritten((text) => signed(body(text).replace('3600000', 'null'))), 'form'],
    [
      'signed, with a share of 2',
      rewritten((text) => signed(body(text).replace('"shareRatio":1', '"shareRatio":2'))),
      'form',
    ],
    [
      'signed, with an expiry in a year',
      rewritten((text) => signed(body(text).replace('3600000', '31536000000'))),
      'form',
    ],
    ['larger than it may be', rewritten((text) => text + ' '.repeat(10_000)), 'size'],
    ['writable for anybody', () => fs.chmod(path, 0o666), 'permissions'],
    ['a folder', () => fs.rm(path).then(() => fs.mkdir(path)), 'permissions'],
  ])('is refused, and starts with what is coded: a snapshot that is %s', async (_what, spoil, field) => {
    await spoil(await keep());

    const { degradation, recorder, offered } = await start();

    const error = { name: 'FeatureError', code: 'SNAPSHOT_REFUSED', field };
    const told = { type: 'feature.store-failed', operation: 'load-last-known-good' };
    expect(recorder.events).toMatchObject([{ ...told, error }]);
    expect((recorder.events[0] as unknown as { error: FeatureError }).error.message).toMatch(
      /^the kept snapshot of features is not used: ./,
    );
    expect(degradation.status('recommendations')).toMatchObject({ mode: 'full', revision: 0, overrides: [] });
    expect([degradation.audit(), offered]).toEqual([[], []]);
  });

  it('is refused when it is older than a day, on both sides of the moment', async () => {
    await keep();

    const young = await start({ startMs: 86_400_000 });
    const old = await start({ startMs: 86_400_001 });

    expect(young.recorder.types).toEqual([]);
    expect(young.degradation.status('recommendations')).toMatchObject({ mode: 'full', revision: 1 });
    expect(old.recorder.events).toMatchObject([{ error: { code: 'SNAPSHOT_REFUSED', field: 'age' } }]);
    expect(old.degradation.status('recommendations')).toMatchObject({ mode: 'full', revision: 0 });
  });

  it('is mended by the next change', async () => {
    await keep();
    await writeFile(path, 'rubbish');
    const { degradation, settleDisk } = await start();

    degradation.set('recommendations', 'cached', change);
    await settleDisk();

    expect((await start()).degradation.mode('recommendations')).toBe('cached');
  });
});

function signed(text: string): string {
  return `${seal.seal(text)}\n${text}`;
}
