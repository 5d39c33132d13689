import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { OutboxLink, OutboxServer } from '../../../../test/redis/outbox-model.ts';
import { type RedisOutboxOptions, outboxOver, outboxSettings, redisOutbox } from './redis-outbox.ts';

const place = { namespace: 'test', name: 'payments' };
const terms = { leaseMs: 1000, gapMs: 0 };

/** Some processes on virtual time over the model of the scripts. */
function setUp(options: Partial<RedisOutboxOptions> = {}) {
  const clock = virtualClock();
  const server = new OutboxServer(clock);
  const settings = outboxSettings({ ...place, clock, ...options });
  const links = [new OutboxLink(server, clock), new OutboxLink(server, clock)] as const;
  const [one, other] = [outboxOver<unknown>(links[0], settings), outboxOver<unknown>(links[1], settings)];
  return { clock, server, link: links[0], otherLink: links[1], one, other };
}

describe('redisOutbox', () => {
  it('(1) keeps as many as it may for all, and says which are known', async () => {
    const { one, other } = setUp({ maxItems: 2 });

    expect([await one.add('a', 1), await other.add('b', 2), await one.add('c', 3), await other.add('a', 1)]).toEqual([
      'kept',
      'kept',
      'full',
      'known',
    ]);
  });

  it('(2) keeps an item through everything but its end', async () => {
    const { one } = setUp();
    await one.add('a', { of: 'a' });
    const first = (await one.take(terms)).entry!;
    await one.postpone(first, 0);
    await one.bury((await one.take(terms)).entry!, 'x'.repeat(600));
    expect((await one.dead(5))[0]).toMatchObject({ key: 'a', item: { of: 'a' }, attempt: 2, why: 'x'.repeat(500) });
    expect(await one.revive('a')).toBe(true);
    expect(await one.count()).toEqual({ waiting: 1, taken: 0, dead: 0 });
    await one.settle((await one.take(terms)).entry!);

    expect(await one.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
  });

  it('(3) gives an item of a process that is gone to another when its lease is over', async () => {
    const { clock, one, other } = setUp();
    await one.add('a', 1);
    await one.take(terms);
    expect((await other.take(terms)).entry).toBeUndefined();
    await clock.advance(1000);

    expect((await other.take(terms)).entry).toMatchObject({ key: 'a', attempt: 2 });
  });

  it('(4) settles within three times commandTimeoutMs where nothing is heard', async () => {
    const { clock, link, one } = setUp();
    link.isReady = false;
    link.fate = () => 'lost';
    const outcome = one.add('a', 1).catch((error: unknown) => error);
    await clock.advance(1500);

    await expect(outcome).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(clock.pendingCount).toBe(0);
  });

  it('(5) charter M8: asks twice, to the same effect', async () => {
    const { clock, link, server, one } = setUp();
    let asked = 0;
    link.fate = () => (++asked % 2 === 1 ? 'unheard' : 'answered');
    const added = one.add('a', 1);
    await clock.advance(501);
    expect(await added).toBe('known'); // the first one was kept, and nobody heard
    const taken = one.take(terms);
    await clock.advance(501);
    const { entry } = await taken;
    expect(entry).toMatchObject({ key: 'a', attempt: 1 });
    const settled = one.settle(entry!);
    await clock.advance(501);

    await expect(settled).resolves.toBeUndefined();
    expect(server.ran.map(([name]) => name)).toEqual(
      ['add', 'add', 'take', 'take', 'settle', 'settle'].map((name) => `outbox-${name}`),
    );
  });

  it('(5) is given what it was given before, where it has not heard of it', async () => {
    const { clock, link, one } = setUp();
    await one.add('a', 1);
    link.fate = () => 'unheard';
    const lost = one.take(terms).catch((error: unknown) => error);
    await clock.advance(1001);
    expect(await lost).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    link.fate = () => 'answered';

    expect((await one.take(terms)).entry).toMatchObject({ key: 'a', attempt: 1 });
  });

  it('(6) puts with the dead what cannot be read, and goes on with the others', async () => {
    const { server, one } = setUp();
    await server.run({ name: 'outbox-add', text: '', sha: '' }, { keys: [], args: ['bad', '{', 10] });
    await one.add('good', 1);

    expect(await one.take(terms)).toEqual({ entry: undefined, waitMs: 0 });
    expect((await one.take(terms)).entry?.key).toBe('good');
    expect(await one.dead(5)).toEqual([{ key: 'bad', item: undefined, attempt: 1, why: 'what is kept is no JSON' }]);
  });

  it('takes what is no reply for no answer, and gives its connection back', async () => {
    const { link, one } = setUp();
    link.run = () => Promise.resolve('PONG');
    await expect(one.add('a', 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: expect.any(TypeError) });
    await one.close();

    expect(link.isClosed).toBe(true);
  });

  it('says at once that it is closed', async () => {
    const { clock, link, server, one } = setUp();
    link.close = () => void (link.isReady = false);
    await one.close();

    await expect(Promise.all([one.add('a', 1), one.take(terms), one.count()])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('closed') as string,
    });
    expect([server.ran, clock.pendingCount, clock.now()]).toEqual([[], 0, 0]);
  });

  it('takes several at once under names of their own', async () => {
    const { server, one } = setUp();
    for (const key of ['a', 'b', 'c']) await one.add(key, key);
    const entries = (await Promise.all([one.take(terms), one.take(terms)])).map(({ entry }) => entry!);
    await one.settle(entries[0]!);
    await one.take(terms);

    const takers = server.ran.filter(([name]) => name === 'outbox-take').map(([, taker]) => taker);
    expect(new Set(takers).size).toBe(2);
    expect(takers[2]).toBe(takers[0]);
  });

  it.each(['', 'x'.repeat(129), undefined])('refuses the key %j', async (key) => {
    await expect(setUp().one.add(key as string, 1)).rejects.toMatchObject({ name: 'ConfigError' });
  });

  it.each([
    [{ namespace: 'a b' }],
    [{ namespace: undefined }],
    [{ name: '' }],
    [{ maxItems: 0 }],
    [{ maxItems: Infinity }],
    [{ maxItemBytes: 0 }],
    [{ rememberMs: 9999 }],
    [{ commandTimeoutMs: 5 }],
    [{ prefix: '{' }],
  ])('refuses the options %j', (options) => {
    expect(() => outboxSettings({ ...place, ...options } as RedisOutboxOptions)).toThrow('redisOutbox.');
  });

  it('refuses what is no client of ioredis', () => {
    expect(() => redisOutbox({} as never, place)).toThrow('redisOutbox.redis');
  });
});
