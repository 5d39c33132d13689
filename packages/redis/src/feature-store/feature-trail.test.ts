import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakeConnection, refusal, silence } from '../../../../test/redis/fake-connection.ts';
import type { OwnConnection } from '../redis-client.ts';
import { FeatureRequests } from './feature-requests.ts';
import { readTrail } from './feature-trail.ts';

const entry = (hash: string, actor: string, more = '"2026-01-02T03:04:05.000Z"'): string =>
  `${hash} ["before","2026-01-02T03:04:05.000Z","reco","full","off","${actor}","why",7,"set",${more}]`;

function setUp(answer: () => unknown) {
  const clock = virtualClock();
  const connection = new FakeConnection();
  connection.answers['lrange'] = answer;
  const requests = new FeatureRequests(clock, () => {});
  const place = { connection: connection as unknown as OwnConnection, key: 'k', requests, clock, timeoutMs: 100 };
  return { clock, connection, read: () => readTrail(place, 3) };
}

describe('readTrail', () => {
  it('gives the last entries, oldest first', async () => {
    const { connection, read } = setUp(() => [entry('h2', 'bob', '""'), entry('h1', 'alice')]);

    expect(await read()).toEqual([
      {
        at: '2026-01-02T03:04:05.000Z',
        feature: 'reco',
        from: 'full',
        to: 'off',
        actor: 'alice',
        reason: 'why',
        revision: 7,
        cause: 'set',
        expiresAt: '2026-01-02T03:04:05.000Z',
        previousHash: 'before',
        hash: 'h1',
      },
      expect.objectContaining({ actor: 'bob', hash: 'h2', expiresAt: undefined }),
    ]);
    expect(connection.sent).toEqual(['lrange k 0 2']);
  });

  it('gives the parameters of those that have any', async () => {
    const { read } = setUp(() => [
      entry('h2', 'bob', '"",{"limit":3}'),
      entry('h1', 'alice', '"",{},"more"'),
      entry('h0', 'alice'),
    ]);

    expect((await read()).map(({ actor, params }) => [actor, params])).toEqual([
      ['alice', undefined],
      ['bob', { limit: 3 }],
    ]);
  });

  it('leaves out what is no entry: the chain is broken there', async () => {
    const { read } = setUp(() => [
      entry('h2', 'bob'),
      '',
      'rubbish',
      'h ["too","short"]',
      'h {}',
      entry('h1', 'alice'),
    ]);

    expect((await read()).map(({ actor }) => actor)).toEqual(['alice', 'bob']);
  });

  it('says what kept the server from answering', async () => {
    await expect(setUp(refusal('NOPERM no way')).read()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      trouble: 'denied',
    });
    const { clock, read } = setUp(silence);
    const asked = read();
    const settled = asked.catch((error: unknown) => error);
    await clock.advance(100);
    expect(await settled).toMatchObject({ trouble: 'timeout' });
  });
});
