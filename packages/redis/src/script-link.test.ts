import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { luaScript } from './lua-script.ts';
import type { OwnConnection } from './redis-client.ts';
import { linkOver } from './script-link.ts';

const script = luaScript('one', 'return 1');
const input = { keys: ['a'], args: [] };

function setUp(evalsha: () => Promise<unknown>) {
  const clock = virtualClock();
  const disconnect = vi.fn<() => void>();
  const connection = { status: 'ready', evalsha: vi.fn<() => Promise<unknown>>(evalsha), disconnect };
  const link = linkOver(connection as unknown as OwnConnection, { clock, commandTimeoutMs: 50 });
  return { clock, connection, link };
}

describe('scriptLink', () => {
  it('(1) gives the reply, and notes how long it took', async () => {
    const { link, clock } = setUp(() => new Promise((resolve) => clock.setTimer(() => resolve(1), 3)));
    const reply = link.run(script, input);
    await clock.advance(3);

    await expect(reply).resolves.toBe(1);
    expect(link.health()).toEqual({ status: 'ready', answered: 1, failed: 0, latencyMs: 3, lastFailure: undefined });
  });

  it('(1) rejects within commandTimeoutMs, and notes why', async () => {
    const { link, clock } = setUp(() => new Promise(() => {}));
    const outcome = link.run(script, input).catch((error: unknown) => error);
    await clock.advance(50);

    await expect(outcome).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(link.health()).toMatchObject({ failed: 1, lastFailure: expect.stringContaining('no reply within 50 ms') });
  });

  it('(2) runs nothing and holds no connection once it was closed', async () => {
    const { link, connection } = setUp(() => Promise.resolve(1));
    link.close();

    await expect(link.run(script, input)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(link.isReady).toBe(false);
    expect(link.health().status).toBe('closed');
    expect(connection.evalsha).not.toHaveBeenCalled();
    expect(connection.disconnect).toHaveBeenCalledOnce();
  });
});
