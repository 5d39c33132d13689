import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { OnceLink, OnceServer } from '../../../../test/redis/once-model.ts';
import { OnceStore } from './once-store.ts';

function setUp() {
  const clock = virtualClock();
  const server = new OnceServer(clock);
  const link = new OnceLink(server, clock);
  const times = { commandTimeoutMs: 500, leaseMs: 1000, resultTtlMs: 60_000 };
  const store = new OnceStore({ link, clock, prefix: 'rb', namespace: 'test', ...times });
  return { clock, server, link, store };
}

describe('onceStore', () => {
  it('(1) settles within three times commandTimeoutMs where nothing is heard', async () => {
    const { clock, link, store } = setUp();
    link.fate = () => 'lost';
    const outcome = store.claim('a', 'me').catch((error: unknown) => error);
    await clock.advance(1000);

    await expect(outcome).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) waits for a connection for commandTimeoutMs, and not longer', async () => {
    const { clock, link, store } = setUp();
    link.isReady = false;
    const outcome = store.claim('a', 'me').catch((error: unknown) => error);
    await clock.advance(500);

    await expect(outcome).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('(1) sends as soon as the connection is there', async () => {
    const { clock, link, store } = setUp();
    let connect = (): void => {};
    link.isReady = false;
    link.onReady = (listener?: () => void) => {
      connect = listener ?? connect;
      return () => {};
    };
    const outcome = store.claim('a', 'me');
    link.isReady = true;
    connect();
    await clock.advance(1);

    await expect(outcome).resolves.toMatchObject({ kind: 'mine', tries: 1 });
    expect(clock.pendingCount).toBe(0);
  });

  it('(2) asks twice, to the same effect', async () => {
    const { clock, link, server, store } = setUp();
    let asked = 0;
    link.fate = () => (++asked % 2 === 1 ? 'unheard' : 'answered');
    const claimed = store.claim('a', 'me');
    await clock.advance(501);
    await expect(claimed).resolves.toMatchObject({ kind: 'mine', tries: 1 });
    const { t = 0 } = server.records.get('rb1:{test/once/a}') ?? {};
    const finished = store.finish('a', String(t), { outcome: 'd', text: '1' });
    await clock.advance(501);

    await expect(finished).resolves.toEqual({ kind: 'ok' });
    expect(server.ran).toEqual(['once-claim', 'once-claim', 'once-finish', 'once-finish']);
  });

  it('takes what is no record for no answer', async () => {
    const { clock, link, store } = setUp();
    link.run = () => Promise.resolve(['d', '{', '5']);
    const outcome = store.claim('a', 'me').catch((error: unknown) => error);
    await clock.advance(0);

    await expect(outcome).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: expect.any(SyntaxError) });
  });
});
