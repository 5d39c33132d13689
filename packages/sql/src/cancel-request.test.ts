import { settle } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool, FakeRequest } from '../../../test/sql/fake-pool.ts';
import { sendCancelRequest } from './cancel-request.ts';

/** Whether a request is over. */
async function isOver(closed: Promise<void> | undefined): Promise<boolean> {
  return Promise.race([(closed ?? Promise.resolve()).then(() => true), settle().then(() => false)]);
}

describe('sendCancelRequest', () => {
  it('cancel-request (1): asks by process id and secret, and is over when the server closes', async () => {
    const pool = new FakePool();

    const request = sendCancelRequest(pool, pool.client);
    expect(pool.requests[0]?.asked).toEqual([7, 42]);
    expect(await isOver(request?.closed)).toBe(false);
    pool.requests[0]?.close();

    expect(await isOver(request?.closed)).toBe(true);
  });

  it('cancel-request (1): is over when its connection fails', async () => {
    const pool = new FakePool();

    const request = sendCancelRequest(pool, pool.client);
    pool.requests[0]?.fail();

    expect(await isOver(request?.closed)).toBe(true);
  });

  it('cancel-request (2): is torn down when it is given up', () => {
    const pool = new FakePool();

    sendCancelRequest(pool, pool.client)?.giveUp();

    expect(pool.requests[0]?.isDestroyed).toBe(true);
  });

  it('asks nobody where the server gave no key', () => {
    const pool = new FakePool();
    pool.client.secretKey = undefined;

    expect(sendCancelRequest(pool, pool.client)).toBeUndefined();
    expect(pool.requests).toEqual([]);
  });

  it('uses a socket of the pool’s own making, and a path to a socket', () => {
    const connected: unknown[] = [];
    class Own {
      readonly host = '/run/postgres';
      readonly port = 5433;
      readonly connection = Object.assign(new FakeRequest(), { connect: (...to: unknown[]) => connected.push(...to) });
      readonly given: object;
      constructor(given: object) {
        this.given = given;
        connected.push(given);
      }
    }
    const options = { stream: () => {} };

    sendCancelRequest({ options, Client: Own } as never, { processID: 1, secretKey: 2 } as never);

    expect(connected).toEqual([options, '/run/postgres/.s.PGSQL.5433']);
  });
});
