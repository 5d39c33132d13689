import { createEvents, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { FakeConnection } from '../../../../test/redis/fake-connection.ts';
import type { OwnConnection } from '../redis-client.ts';
import { RequestLog } from './request-log.ts';
import { storeTeller } from './store-events.ts';
import { storeSettings } from './store-options.ts';
import { fleetShards, openShard } from './store-shard.ts';

/** A shard whose scripts are answered as the test says; `sync` by default with nothing. */
function setUp() {
  const clock = virtualClock(1000);
  const connection = new FakeConnection();
  const told: { type: string; [field: string]: unknown }[] = [];
  const events = createEvents();
  events.listen((event) => told.push(event as never));
  const client = new Redis({ lazyConnect: true });
  const settings = storeSettings(client, { namespace: 'prod', node: 'a', clock, holdOffMs: 3000, random: () => 0.5 });
  const renewed: number[] = [];
  const renew = (): void => void renewed.push(clock.now());
  const subscription = { isSharded: false, add: () => {}, renew, close: () => {} };
  const link = { commands: connection as unknown as OwnConnection, subscription, close: () => {} };
  const tell = storeTeller(events, 'prod');
  const turns: number[] = [];
  connection.answers['evalsha'] = () => syncReply();
  const shard = openShard(0, {
    settings,
    link,
    log: new RequestLog(clock, () => {}),
    tell,
    onTurn: () => turns.push(clock.now()),
    countShards: fleetShards(),
    usedCount: () => 1,
  });
  return { clock, connection, shard, told, turns, renewed };
}

function syncReply(...rulings: readonly string[]): unknown[] {
  return [1, 'i1', '5000', '100', 1, 0, 2000, 1, 1, ...rulings];
}

describe('openShard', () => {
  it('(1) leaves messages alone that are none, or of another major version', () => {
    const { shard } = setUp();

    for (const text of ['', 'what', '2 i1 1 2 prices,5,O,1000,1000,0,0', '1 i1 x y ']) {
      expect(shard.heard(text)).toBe(false);
    }
    expect(shard.node.find('prices')).toBeUndefined();
    expect(shard.heard('1 i1 1 2 prices,5,O,1000,1000,0,0')).toBe(true);
    expect(shard.node.find('prices')?.known.state(1000)).toBe('open');
  });

  it('(2) tells once of a circuit whose ruling it cannot read, in a reply or in a message', async () => {
    const { clock, connection, shard, told } = setUp();
    connection.answers['evalsha'] = () => syncReply('prices,5,X,1000,1000,0,0');
    connection.connect();
    shard.begin();
    await clock.advance(5000);
    shard.heard('1 i1 1 2 prices,6,X,1000,1000,0,0;stock,7,Y,1,1,0,0');

    expect(told.map(({ circuit }) => circuit)).toEqual(['prices', 'stock']);
  });

  it('(4) is silent until the connection stands, and hurries when it stands again', async () => {
    const { clock, connection, shard, turns } = setUp();
    shard.subscribed(true);
    await clock.advance(10_000);
    expect([connection.sent.length, clock.pendingCount]).toEqual([0, 0]);

    connection.connect();
    shard.begin();
    await clock.advance(0);
    expect(connection.sent).toHaveLength(1);
    expect(shard.isAnswered(clock.now())).toBe(true);

    connection.lose();
    shard.subscribed(false);
    await clock.advance(60_000);
    expect(shard.isAnswered(clock.now())).toBe(false);
    connection.connect();
    shard.begin();
    await clock.advance(0);
    expect(turns.at(-1)).toBe(clock.now());
    expect(shard.isAnswered(clock.now())).toBe(true);
  });

  it('(3) renews the subscription where a poll tells what it should have heard, and not again and again', async () => {
    const { clock, connection, shard, renewed } = setUp();
    let nowUs = 1_000_000_000_000;
    let news: readonly string[] = [];
    connection.answers['evalsha'] = () => [1, 'i1', String(nowUs), '100', 1, 0, 2000, 1, 1, ...news];
    connection.connect();
    shard.begin();
    shard.subscribed(true);
    await clock.advance(10_000);

    news = [`young,${nowUs - 500_000},O,60000,60000,0,0`, `early,${nowUs - 60_000_000},O,60000,60000,0,0`];
    await clock.advance(3000);
    expect(renewed).toEqual([]);
    news = [`late,${nowUs - 1_500_000},O,60000,60000,0,0`];
    await clock.advance(3000);
    expect(renewed).toHaveLength(1);
    nowUs += 10_000_000;
    news = [`later,${nowUs - 1_500_000},O,60000,60000,0,0`];
    await clock.advance(3000);
    expect(renewed).toHaveLength(1);

    shard.subscribed(false);
    await clock.advance(60_000);
    nowUs += 60_000_000;
    news = [`unheard,${nowUs - 1_500_000},O,60000,60000,0,0`];
    await clock.advance(3000);
    expect(renewed).toHaveLength(1);
  });

  it('reports what goes wrong with a message, which must not end the process', () => {
    const { shard } = setUp();
    const told: unknown[] = [];
    const before = onHookError((error) => told.push(error.cause));
    shard.node.heard = () => {
      throw new Error('broken');
    };
    expect(shard.heard('1 i1 1 2 prices,5,O,1000,1000,0,0')).toBe(true);
    onHookError(before);

    expect(told).toEqual([new Error('broken')]);
  });

  it('asks for a hold by what it knows, and knows more after each answer', async () => {
    const { clock, connection, shard } = setUp();
    const asked: (readonly string[])[] = [];
    connection.answers['evalsha'] = () => syncReply('prices,7,O,1000,1000,0,0');
    expect(shard.mayAsk(clock.now())).toBe(false);
    connection.connect();
    shard.begin();
    await clock.advance(10);
    expect(shard.mayAsk(clock.now())).toBe(true);

    const wish = { id: 'prices', state: 'auto', forMs: 1, owner: 'ada', reason: '' } as const;
    for (const [code, epoch] of [
      ['fenced', 9],
      ['done', 11],
      ['stale', 11],
    ] as const) {
      connection.answers['evalsha'] = (...args) => {
        asked.push(args.slice(8));
        return [1, 'i1', '6000', '101', code, `prices,${epoch},C,0,0,0,0`];
      };
      expect((await shard.hold(wish)).code).toBe(code);
      if (code === 'stale') expect(shard.mayAsk(clock.now())).toBe(false);
    }
    expect(asked.map((words) => words.slice(2).join(' '))).toEqual(
      [7, 9, 11].map((basis) => `i1 5000 a 1 prices A 1 ${basis} ada -`),
    );
  });

  it('has the benefit of the doubt for a while after it was opened', async () => {
    const { clock, shard } = setUp();
    expect([shard.isKnown, shard.isAnswered(clock.now())]).toEqual([false, true]);

    await clock.advance(3000);
    expect(shard.isAnswered(clock.now())).toBe(false);
  });

  it('decides alone where the store was closed before it was opened', async () => {
    const { clock } = setUp();
    const settings = storeSettings(new Redis({ lazyConnect: true }), { namespace: 'prod', clock });
    const shard = openShard(0, {
      settings,
      link: undefined,
      log: new RequestLog(clock, () => {}),
      tell: () => {},
      onTurn: () => {},
      countShards: fleetShards(),
      usedCount: () => 1,
    });

    await expect(shard.hold({ id: 'a', state: 'auto', forMs: 1, owner: 'o', reason: '' })).rejects.toThrow('closed');
  });
});

describe('fleetShards', () => {
  it('goes by the first shard, as soon as that is known', () => {
    const countShards = fleetShards();

    expect([countShards(3, 2), countShards(0, 1), countShards(3, 2), countShards(0, 4), countShards(3, 2)]).toEqual([
      2, 1, 1, 4, 4,
    ]);
  });
});
