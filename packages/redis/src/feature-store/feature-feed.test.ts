import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FeatureFeed } from './feature-feed.ts';
import type { SyncReply } from './feature-scripts.ts';
import { redisFeatureStoreDefaults } from './feature-store-options.ts';
import { packFeature } from './packed-feature.ts';
import { sharedFeature } from './testing/records.ts';

const { seal } = redisFeatureStoreDefaults;
const POLL_MS = 1000;

function packed(revision: number, feature = 'reco'): string {
  const sent = packFeature(sharedFeature(revision, { feature }), seal);
  return [sent.revision, sent.origin, 1_000_000, sent.seal, sent.text].join(' ');
}

interface Server {
  stamp: string;
  records: Map<string, string>;
  isAway: boolean;
  /** What answers wait for. */
  gate?: Promise<void>;
}

/** A server of which the test says what it has, and whether it answers. */
function setUp() {
  const clock = virtualClock();
  const server: Server = { stamp: 's1', records: new Map([['reco', packed(1)]]), isAway: false };
  const asked: string[] = [];
  const told: string[] = [];
  const feed = new FeatureFeed({
    clock,
    random: () => 0,
    pollMs: POLL_MS,
    seal,
    ask: async (known) => {
      asked.push(known);
      if (server.isAway) throw new Error('away');
      const all = [...server.records].map(([field, text]) => ({ field, packed: text }));
      const reply: SyncReply = {
        serverMs: 1_000_000,
        stamp: server.stamp,
        all: known === server.stamp ? undefined : all,
      };
      await server.gate;
      return reply;
    },
    onRecord: ({ feature, revision }) => told.push(`${feature} ${revision}`),
    onWhole: (records) =>
      told.push(`whole ${records.map(({ feature, revision }) => `${feature} ${revision}`).join(', ')}`),
    onAway: (error) => told.push(String(error)),
    onLost: (fields) => told.push(`lost ${fields.join(', ')}`),
    onRefused: (field, refusal) => told.push(`refused ${field}: ${refusal}`),
    onLooked: () => {},
  });
  const change = (stamp: string, revision: number, feature = 'reco') => {
    const notice = { before: server.stamp, after: stamp, field: feature, packed: packed(revision, feature) };
    server.stamp = stamp;
    server.records.set(feature, notice.packed);
    return notice;
  };
  return { clock, server, asked, told, feed, change };
}

/** Holds the next answer back until that is called. */
function holdAnswer(server: { gate?: Promise<void> }): () => void {
  let open = (): void => {};
  server.gate = new Promise((resolve) => {
    open = resolve;
  });
  return () => open();
}

describe('FeatureFeed', () => {
  it('(1) tells all that there is, and asks only for what is new from then on', async () => {
    const { feed, asked, told } = setUp();
    feed.look();
    await settle();
    feed.look();
    await settle();

    expect(asked).toEqual(['', 's1']);
    expect(told).toEqual(['whole reco 1']);
  });

  it('(1) goes on by notices that follow on one another, without a look', async () => {
    const { feed, asked, told, change } = setUp();
    feed.start();
    feed.look();
    await settle();
    feed.heard(change('s2', 2));
    feed.heard(change('s3', 1, 'pay'));
    await settle();
    feed.look();
    await settle();

    expect(asked).toEqual(['', 's3']);
    expect(told).toEqual(['whole reco 1', 'reco 2', 'pay 1']);
    expect(feed.size).toBe(2);
  });

  it('(1), (2) looks at once where a notice does not follow, and with the next poll where there was none', async () => {
    const { feed, clock, told, change } = setUp();
    feed.start();
    feed.look();
    await settle();
    change('s2', 2);
    feed.heard(change('s3', 1, 'pay'));
    await settle();
    expect(told).toEqual(['whole reco 1', 'pay 1', 'whole reco 2, pay 1']);
    expect(feed.gapCount).toBe(1);

    change('s4', 3);
    await clock.advance(POLL_MS - 1);
    expect(told).toHaveLength(3);
    await clock.advance(1);
    expect(told.at(-1)).toBe('whole reco 3, pay 1');
  });

  it('(1) takes a notice twice, and one that comes late, for what they are', async () => {
    const { feed, told, change } = setUp();
    feed.start();
    feed.look();
    await settle();
    const late = change('s2', 2);
    change('s3', 3);
    feed.look();
    await settle();
    feed.heard(late);
    feed.heard(late);
    await settle();

    expect(told).toEqual(['whole reco 1', 'whole reco 3', 'reco 2', 'reco 2']);
  });

  it('(1), (2) tells that the server is away once, looks again sooner the first time, and tells all when it is back', async () => {
    const { feed, clock, server, asked, told } = setUp();
    feed.start();
    feed.look();
    await settle();
    server.isAway = true;
    await clock.advance(POLL_MS);
    expect(asked).toHaveLength(2);
    await clock.advance(POLL_MS / 4);
    expect(asked).toHaveLength(3);
    await clock.advance(POLL_MS - 1);
    expect(asked).toHaveLength(3);
    expect(feed.answered).toBe(0);
    server.isAway = false;
    await clock.advance(1);

    expect(told).toEqual(['whole reco 1', 'Error: away', 'whole reco 1']);
    expect(feed.answered).toBe(1);
  });

  it('(3) has one look under way, and one more for all who ask meanwhile', async () => {
    const { feed, asked } = setUp();
    feed.start();
    for (let time = 0; time < 5; time++) feed.look();
    await settle();

    expect(asked).toEqual(['', 's1']);
  });

  it('(3) gives all to who asks for it, also where a look was under way', async () => {
    const { feed, asked } = setUp();
    feed.look();
    await settle();
    feed.look();

    expect((await feed.all()).map(({ feature }) => feature)).toEqual(['reco']);
    expect(asked).toEqual(['', 's1', '']);
  });

  it('(3) gives to who asks for all what there is then, though a look for all had begun before', async () => {
    const { feed, server, asked, change } = setUp();
    feed.start();
    const answer = holdAnswer(server);
    feed.look();
    change('s2', 5);
    const [one, other] = [feed.all(), feed.all()];
    answer();

    expect((await one).map(({ revision }) => revision)).toEqual([5]);
    expect((await other).map(({ revision }) => revision)).toEqual([5]);
    expect(asked.slice(0, 2)).toEqual(['', '']);
  });

  it('(4) tells what the server had and has not, once, by what is older too', async () => {
    const { feed, server, told, change } = setUp();
    feed.look();
    await settle();
    change('s2', 5);
    change('s3', 2, 'pay');
    feed.look();
    await settle();
    server.stamp = 's2'; // of another history, with the same count
    server.records = new Map([['reco', packed(4)]]);
    feed.look();
    await settle();
    feed.look();
    await settle();

    expect(told.slice(2)).toEqual(['lost reco, pay', 'whole reco 4']);
  });

  it('(4) takes nothing for lost that was heard of while a look was under way', async () => {
    const { feed, server, told } = setUp();
    feed.look();
    await settle();
    const answer = holdAnswer(server);
    feed.forget();
    feed.look();
    feed.heard({ before: 's1', after: 's2', field: 'pay', packed: packed(1, 'pay') });
    answer(); // with what there was before
    await settle();
    expect(feed.size).toBe(2);
    feed.forget();
    feed.look();
    await settle();

    expect(told).toEqual(['whole reco 1', 'pay 1', 'whole reco 1', 'lost pay', 'whole reco 1']);
  });

  it('(6) tells nothing before it knows the time of the server, and then all', async () => {
    const { feed, told, change } = setUp();
    feed.heard(change('s2', 2));
    expect(told).toEqual([]);
    await settle();

    expect(told).toEqual(['whole reco 2']);
  });

  it('(5) is silent after stop, and leaves no timer', async () => {
    const { feed, clock, asked } = setUp();
    feed.start();
    feed.start();
    feed.look();
    await settle();
    expect(clock.referencedCount).toBe(0);
    feed.stop();
    await clock.advance(10 * POLL_MS);

    expect(asked).toHaveLength(1);
    expect(clock.pendingCount).toBe(0);
  });

  it('tells of a record that cannot be read once, goes on with the others, and takes it when it can', async () => {
    const { feed, server, told, change } = setUp();
    server.records.set('pay', packed(1, 'pay').replace('alice', 'mallory'));
    for (const stamp of ['s2', 's3']) {
      server.stamp = stamp;
      feed.look();
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await settle();
    }
    expect(told).toEqual(['refused pay: it is damaged, or sealed by somebody else', 'whole reco 1', 'whole reco 1']);
    expect(feed.refusedCount).toBe(1);

    change('s4', 2, 'pay');
    feed.look();
    await settle();
    expect(told.at(-1)).toBe('whole reco 1, pay 2');
    expect(feed.refusedCount).toBe(0);
  });

  it('forgets what was refused where it is gone', async () => {
    const { feed, server } = setUp();
    server.records.set('pay', 'rubbish');
    feed.look();
    await settle();
    server.records.delete('pay');
    feed.forget();
    feed.look();
    await settle();

    expect(feed.refusedCount).toBe(0);
  });
});
