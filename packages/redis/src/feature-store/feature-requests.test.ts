import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { StoreUnavailableError } from '../lua-script.ts';
import { FeatureRequests } from './feature-requests.ts';

function setUp() {
  const clock = virtualClock();
  const told: string[] = [];
  const requests = new FeatureRequests(clock, ({ operation, message }) => told.push(`${operation} ${message}`));
  const ask = (operation: 'sync' | 'save' | 'ping', failure?: unknown) =>
    requests.count(operation, () => (failure === undefined ? Promise.resolve(1) : Promise.reject(failure as Error)));
  return { clock, told, requests, ask };
}

const denied = new StoreUnavailableError('not answered', { cause: new Error('NOPERM no way'), trouble: 'denied' });

describe('FeatureRequests', () => {
  it('(1) counts each request once, and hands on what came of it', async () => {
    const { requests, ask } = setUp();
    expect(await ask('sync')).toBe(1);
    await expect(ask('save', new Error('lost'))).rejects.toThrow('lost');
    await ask('ping');

    expect([requests.answered, requests.failed]).toEqual([2, 1]);
  });

  it('measures scripts only', async () => {
    const { clock, requests, ask } = setUp();
    await ask('ping');
    expect([requests.latencyMs, requests.silentMs]).toEqual([undefined, Infinity]);
    const asked = requests.count('sync', () => new Promise((resolve) => void clock.setTimer(() => resolve(1), 7)));
    await clock.advance(7);
    await asked;
    await clock.advance(5);

    expect([requests.latencyMs, requests.silentMs]).toEqual([7, 5]);
  });

  it('(2) tells a denial when it begins, per operation, and again only after it was served', async () => {
    const { told, requests, ask } = setUp();
    for (const operation of ['sync', 'sync', 'save'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await ask(operation, denied).catch(() => {});
    }
    expect(told).toEqual(['sync NOPERM no way', 'save NOPERM no way']);
    expect(requests.problem).toBe('the server refuses sync: NOPERM no way');

    await ask('sync');
    expect(requests.problem).toBe('the server refuses save: NOPERM no way');
    await ask('sync', denied).catch(() => {});
    expect(told).toHaveLength(3);
  });

  it('(2) takes note of a connection that is refused, until one stands', () => {
    const { told, requests } = setUp();
    requests.noteConnection(new Error('ECONNREFUSED'));
    requests.noteConnection(new Error('WRONGPASS'));
    requests.noteConnection(new Error('WRONGPASS'));
    expect(told).toEqual(['connect WRONGPASS']);
    requests.noteReady();

    expect(requests.problem).toBeUndefined();
  });
});
