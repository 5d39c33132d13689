import { virtualClock } from '@holdfast/core/testing';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { FakeConnection, silence } from '../../../../test/redis/fake-connection.ts';
import type { OwnConnection } from '../redis-client.ts';
import { RequestLog } from './request-log.ts';
import { heldState, holdRequest, readAudit } from './store-operator.ts';
import { storeSettings } from './store-options.ts';

const wish = { owner: 'alice', forMs: 1000 } as const;

describe('holdRequest', () => {
  it('says what is wished, without a reason where there is none', () => {
    const request = { id: 'prices', state: 'forced-open', ...wish, reason: '' };

    expect(holdRequest('prices', 'forced-open', wish)).toEqual(request);
  });

  it.each([
    ['hold.name', '', {}],
    ['hold.owner', 'prices', { owner: '' }],
    ['hold.forMs', 'prices', { forMs: 0 }],
    ['hold.forMs', 'prices', { forMs: 604_800_001 }],
    ['hold.forMs', 'prices', { forMs: undefined }],
    ['hold.reason', 'prices', { reason: 7 }],
  ])('refuses %s where it makes no sense', (option, name, over) => {
    expect(() => holdRequest(name, 'auto', { ...wish, ...over } as never)).toThrow(`${option} must be`);
  });

  it('refuses wishes that it does not know', () => {
    expect(() => holdRequest('prices', 'auto', { ...wish, until: 3 } as never)).toThrow('has no option');
    expect(() => holdRequest('prices', 'auto', { ...wish, state: 'open' } as never)).toThrow('has no option');
  });

  it('refuses to hold a circuit in a state that is none: not even in one that it tells of', () => {
    expect([heldState('open'), heldState('closed')]).toEqual(['forced-open', 'forced-closed']);
    expect(() => heldState('forced-open' as never)).toThrow('hold.state must be one of "open", "closed"');
  });
});

describe('readAudit', () => {
  function setUp(shardCount: number) {
    const clock = virtualClock();
    const connection = new FakeConnection();
    const settings = storeSettings(new Redis({ lazyConnect: true }), { namespace: 'prod', shardCount, clock });
    const log = new RequestLog(clock, () => {});
    return { clock, connection, log, parts: { commands: connection as unknown as OwnConnection, settings, log } };
  }

  it('reads the lists of all shards, the latest first, and leaves out what it cannot read', async () => {
    const { connection, parts } = setUp(2);
    connection.answers['lrange'] = (key) =>
      key.includes('/0}')
        ? ['9 alice F a 1000 deploy n1 9', '1 alice A a 1 - n1 1']
        : ['5 bob D b 1000 - n1 5', 'what'];

    const entries = await readAudit(parts, 2);
    expect(entries.map(({ owner, id, atUs }) => [owner, id, atUs])).toEqual([
      ['alice', 'a', 9],
      ['bob', 'b', 5],
    ]);
    expect(connection.sent).toEqual(['lrange rbo1:{prod/0}:o 0 1', 'lrange rbo1:{prod/1}:o 0 1']);
  });

  it('rejects where no answer comes, and counts that', async () => {
    const { clock, connection, log, parts } = setUp(1);
    connection.answers['lrange'] = silence;
    const outcome = readAudit(parts, 10).catch((error: unknown) => error);
    await clock.advance(200);

    await expect(outcome).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE', trouble: 'timeout' });
    expect(log.counted('audit', 'timeout')).toBe(1);
  });

  it('refuses a limit that makes no sense', async () => {
    await expect(readAudit(setUp(1).parts, 0)).rejects.toThrow('audit.limit must be');
  });
});
