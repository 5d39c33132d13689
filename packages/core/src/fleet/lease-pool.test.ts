import { describe, expect, it } from 'vitest';

import { LeasePool } from './lease-pool.ts';

const [ASKED, TTL] = [1000, 400];
const grant = { epoch: 7, askedAt: ASKED, ttlMs: TTL };
const told = (pool: LeasePool, now: number) => pool.toTell(now).map(({ lease, verdict }) => `${lease.id} ${verdict}`);

describe('LeasePool', () => {
  it('(1) gives a lease to one call, and takes one verdict on it', () => {
    const pool = new LeasePool();
    expect([pool.grant('a.1', grant), pool.grant('a.1', grant), pool.size]).toEqual([true, false, 1]);
    const lease = pool.take(7, 1010);
    expect([lease?.id, pool.take(7, 1010), pool.size, pool.heldCount]).toEqual(['a.1', undefined, 1, 0]);
    expect(pool.grant('a.1', grant)).toBe(false);

    expect(pool.settle(lease!, { verdict: 'success', retryAfterMs: 3 }, 1020)).toBe(true);
    expect(pool.settle(lease!, { verdict: 'failure', retryAfterMs: 0 }, 1020)).toBe(false);
    expect(pool.grant('a.1', grant)).toBe(false);
    expect(pool.toTell(1020)).toEqual([{ lease, verdict: 'success', retryAfterMs: 3 }]);
    pool.heard('a.2');
    expect(pool.reportCount).toBe(1);
    pool.heard('a.1');
    expect([pool.reportCount, pool.size]).toEqual([0, 0]);
  });

  it('(2) lets go of a lease a twentieth earlier than the ledger, counted from when it was asked for', () => {
    const pool = new LeasePool();
    pool.grant('a.1', grant);
    const lease = pool.take(7, ASKED)!;
    expect([lease.askedAt, lease.expiresAt]).toEqual([1000, 1380]);
    expect(pool.settle(lease, { verdict: 'success', retryAfterMs: 0 }, 1380)).toBe(false);
    expect(pool.reportCount).toBe(0);

    pool.grant('a.2', grant);
    expect(pool.settle(pool.take(7, ASKED)!, { verdict: 'success', retryAfterMs: 0 }, 1379.9)).toBe(true);
  });

  it('(3) gives back in good time what nobody has taken, and hands it out no more', () => {
    const pool = new LeasePool();
    pool.grant('a.1', grant);
    pool.grant('a.2', { ...grant, askedAt: 1100 });
    expect([pool.dueAt(), pool.take(8, 1000)]).toEqual([1190, undefined]);
    pool.giveBack(1189);
    expect(pool.heldCount).toBe(2);
    pool.giveBack(1190);
    expect([pool.heldCount, told(pool, 1190), pool.dueAt()]).toEqual([1, ['a.1 ignored'], -Infinity]);
    expect(pool.take(7, 1296)).toBeUndefined();
    pool.heard('a.1');
    expect(pool.dueAt()).toBe(1290);

    pool.giveBack(1200, true);
    expect([pool.heldCount, told(pool, 1200)]).toEqual([0, ['a.2 ignored']]);
  });

  it('(3) has nothing to do where it holds nothing', () => {
    expect(new LeasePool().dueAt()).toBe(Infinity);
  });

  it('(4) tells what a probe came to until the lease has run out', () => {
    const pool = new LeasePool();
    pool.grant('a.1', grant);
    pool.settle(pool.take(7, 1000)!, { verdict: 'failure', retryAfterMs: 0 }, 1100);

    expect(told(pool, 1379)).toEqual(['a.1 failure']);
    expect(told(pool, 1379)).toEqual(['a.1 failure']);
    expect([told(pool, 1380), pool.dueAt()]).toEqual([[], Infinity]);
  });

  it('(4) forgets all that is of another round', () => {
    const pool = new LeasePool();
    for (const id of ['held', 'running', 'told']) pool.grant(id, grant);
    pool.grant('kept', { ...grant, epoch: 8 });
    const [first, second] = [pool.take(7, 1000)!, pool.take(7, 1000)!];
    pool.settle(first, { verdict: 'success', retryAfterMs: 0 }, 1000);
    pool.keepOnly(8);

    expect([pool.size, pool.reportCount]).toEqual([1, 0]);
    expect(pool.settle(second, { verdict: 'success', retryAfterMs: 0 }, 1000)).toBe(false);
    expect(pool.take(8, 1000)?.id).toBe('kept');
    pool.keepOnly(8);
    expect(pool.size).toBe(1);
  });

  it('forgets a call that never ended once its lease has run out', () => {
    const pool = new LeasePool();
    pool.grant('a.1', grant);
    pool.take(7, 1000);
    pool.giveBack(1379);
    expect(pool.size).toBe(1);
    pool.giveBack(1380);

    expect(pool.size).toBe(0);
  });
});
