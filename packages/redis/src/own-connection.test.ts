import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { ownConnection } from './own-connection.ts';

const settings = { role: 'commands', commandTimeoutMs: 200, random: () => 0.5 } as const;

describe('ownConnection', () => {
  it('(1) (2) duplicates the client with options of its own, and leaves the client as it was', () => {
    const client = new Redis({ lazyConnect: true, keyPrefix: '', maxRetriesPerRequest: null });
    const own = ownConnection(client, settings) as unknown as Redis;
    own.disconnect();

    expect(client.status).toBe('wait');
    expect(own.options).toMatchObject({
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: 200,
    });
  });

  it('refuses a client whose keys are prefixed', () => {
    const client = new Redis({ lazyConnect: true, keyPrefix: 'app:' });

    expect(() => ownConnection(client, settings)).toThrow('redis.keyPrefix must be absent');
  });

  it('(3) hears the errors of its connection', () => {
    const client = new Redis({ lazyConnect: true });
    const own = ownConnection(client, settings) as unknown as Redis;
    own.disconnect();

    expect(own.listenerCount('error')).toBe(1);
  });
});
