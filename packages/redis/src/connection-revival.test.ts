import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakeConnection } from '../../../test/redis/fake-connection.ts';
import { revive } from './connection-revival.ts';
import type { OwnConnection } from './redis-client.ts';

/** A connection that is brought back after 100 ms, and when its client was asked to. */
function setUp() {
  const clock = virtualClock();
  const connection = new FakeConnection();
  const asked: number[] = [];
  const connect = (): Promise<void> => {
    asked.push(clock.now());
    return Promise.reject(new Error('Connection is closed.'));
  };
  const own = Object.assign(connection, { connect }) as unknown as OwnConnection;
  revive(own, { clock, delayMs: () => 100 });
  return { clock, connection, own, asked };
}

describe('revive', () => {
  it('connects again each time that the connection has ended', async () => {
    const { clock, connection, asked } = setUp();
    connection.end();
    await clock.advance(99);
    expect(asked).toEqual([]);
    await clock.advance(1);
    connection.end();
    await clock.advance(1000);

    expect(asked).toEqual([100, 200]);
  });

  it('(1) (2) leaves alone what its owner has disconnected, also while it waits', async () => {
    const { clock, connection, own, asked } = setUp();
    own.disconnect(true);
    expect(connection.disconnects).toEqual([true]);
    connection.end();
    own.disconnect();
    expect(clock.pendingCount).toBe(0);
    await clock.advance(1000);

    expect(asked).toEqual([]);
  });
});
