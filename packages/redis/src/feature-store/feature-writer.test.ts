import { Redis } from 'ioredis';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { StoreUnavailableError } from '../lua-script.ts';
import { FeatureFeed } from './feature-feed.ts';
import { featureKeys } from './feature-keys.ts';
import { featureStoreSettings } from './feature-store-options.ts';
import { FeatureWriter } from './feature-writer.ts';
import { sharedFeature } from './testing/records.ts';

const AHEAD_MS = 1_000_000;

/** A server of which the test says what it answers to a save; it is ahead by {@link AHEAD_MS}. */
function setUp(...answers: readonly (() => Promise<unknown>)[]) {
  const clock = virtualClock();
  const settings = featureStoreSettings(new Redis({ lazyConnect: true }), { namespace: 'shop', clock });
  const asked: string[] = [];
  const saves: (readonly (string | number)[])[] = [];
  const silent = { onRecord: () => {}, onAway: () => {}, onLost: () => {}, onRefused: () => {}, onLooked: () => {} };
  const feed = new FeatureFeed({
    ...settings,
    ...silent,
    onWhole: () => asked.push('whole'),
    ask: (known) => {
      asked.push(`look ${known}`);
      return Promise.resolve({ serverMs: AHEAD_MS + clock.now(), stamp: 's1', all: known === 's1' ? undefined : [] });
    },
  });
  const writer = new FeatureWriter({
    settings,
    keys: featureKeys(settings),
    feed,
    connected: () => Promise.resolve('PUBLISH'),
    run: (_script, { args }) => {
      saves.push(args);
      return (answers[saves.length - 1] ?? answers.at(-1) ?? saved)();
    },
  });
  const saved = () => Promise.resolve([String(AHEAD_MS + clock.now()), 's1', 's2', 'saved', 'ours']);
  return { clock, feed, writer, asked, saves, saved };
}

const lost = () => Promise.reject(new StoreUnavailableError('no reply', { trouble: 'timeout' }));
const refused = () => Promise.reject(new StoreUnavailableError('no way', { trouble: 'denied' }));
const sentMsOf = (args: readonly (string | number)[] | undefined): unknown => args?.at(-3);

describe('FeatureWriter', () => {
  it('(1) asks for the time of the server first, once, and says when a change was made', async () => {
    const { clock, writer, asked, saves } = setUp();
    await clock.advance(500);
    await writer.save(sharedFeature(1), undefined);
    await clock.advance(500);
    await writer.save(sharedFeature(2), undefined);

    expect(asked).toEqual(['look ', 'whole']);
    expect(saves.map(sentMsOf)).toEqual([AHEAD_MS + 500.5, AHEAD_MS + 1000.5]);
  });

  it('(2) sends what was not answered once more, word for word', async () => {
    const { writer, saves } = setUp(lost, () => Promise.resolve([String(AHEAD_MS), 's1', 's2', 'saved', 'ours']));

    expect(await writer.save(sharedFeature(1), undefined)).toEqual(sharedFeature(1));
    expect(saves).toHaveLength(2);
    expect(saves[1]).toEqual(saves[0]);
  });

  it('(2) does not insist on what is refused', async () => {
    const { writer, saves } = setUp(refused);

    await expect(writer.save(sharedFeature(1), undefined)).rejects.toThrow('no way');
    expect(saves).toHaveLength(1);
  });

  it('(3) has all looked at where no answer came, and not where it was refused', async () => {
    const { feed, writer, asked } = setUp(lost, lost, refused);
    await feed.all();
    await expect(writer.save(sharedFeature(1), undefined)).rejects.toThrow('no reply');
    feed.look();
    await settle();
    await expect(writer.save(sharedFeature(1), undefined)).rejects.toThrow('no way');
    feed.look();
    await settle();

    expect(asked).toEqual(['look ', 'whole', 'look ', 'whole', 'look s1']);
  });

  it('(4) says what it has found there and cannot read, once, and gives up where that stays', async () => {
    const kept = () => Promise.resolve([String(AHEAD_MS), 's1', 's1', 'kept', '7 0061 1 seal rubbish']);
    const { writer, saves, saved } = setUp(kept, () => saved(), kept);

    expect(await writer.save(sharedFeature(1), undefined)).toEqual(sharedFeature(1));
    expect(saves.map((args) => args.at(-2))).toEqual(['', '7 0061 1 seal rubbish']);
    await expect(writer.save(sharedFeature(1), undefined)).rejects.toThrow('cannot be read');
    expect(saves).toHaveLength(4);
  });

  it('refuses an answer that cannot be read, and what is too large before it is sent', async () => {
    const { writer, saves } = setUp(() => Promise.resolve('rubbish'));

    await expect(writer.save(sharedFeature(1), undefined)).rejects.toThrow('cannot be read');
    await expect(writer.save(sharedFeature(1, { reason: 'x'.repeat(300_000) }), undefined)).rejects.toThrow(RangeError);
    expect(saves).toHaveLength(2);
  });
});
