import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { cancelUntilQuiet } from './cancelling.ts';

function begin({ canAsk = true } = {}) {
  const clock = virtualClock();
  const requests: { close(): void; isGivenUp: boolean }[] = [];
  let noteSettled = (): void => {};
  const settled = new Promise<void>((resolve) => {
    noteSettled = resolve;
  });
  let outcome: boolean | undefined;
  void cancelUntilQuiet({ clock, settled, graceMs: 1000, ask: () => (canAsk ? ask() : undefined) }).then(
    (isQuiet) => (outcome = isQuiet),
  );
  function ask() {
    const request = { close: () => {}, isGivenUp: false };
    requests.push(request);
    const closed = new Promise<void>((resolve) => {
      request.close = resolve;
    });
    return { closed, giveUp: () => void (request.isGivenUp = true) };
  }
  return { clock, requests, settled: () => noteSettled(), outcome: () => outcome };
}

describe('cancelUntilQuiet', () => {
  it('cancelling (1): is not quiet while a request is under way, although the statement has settled', async () => {
    const { requests, settled, outcome } = begin();

    settled();
    await settle();
    expect(outcome()).toBeUndefined();
    requests[0]?.close();
    await settle();

    expect(outcome()).toBe(true);
    expect(requests).toHaveLength(1);
  });

  it('cancelling (1): is not quiet while the statement has not settled, although the request is over', async () => {
    const { requests, settled, outcome } = begin();

    requests[0]?.close();
    await settle();
    expect(outcome()).toBeUndefined();
    settled();
    await settle();

    expect(outcome()).toBe(true);
  });

  it('cancelling (2): asks again, ever more rarely, and never before the last request is over', async () => {
    const { clock, requests } = begin();
    const counts: number[] = [];

    await clock.advance(100);
    counts.push(requests.length); // the first is not over
    requests[0]?.close();
    for (const ms of [19, 1, 39, 1]) {
      await clock.advance(ms);
      requests.at(-1)?.close();
      counts.push(requests.length);
    }

    expect(counts).toEqual([1, 1, 2, 2, 3]);
  });

  it('cancelling (3): gives up when the request is not over in time, and tears it down', async () => {
    const { clock, requests, settled, outcome } = begin();

    settled();
    await clock.advance(999);
    expect(outcome()).toBeUndefined();
    await clock.advance(1);

    expect([outcome(), requests[0]?.isGivenUp, clock.pendingCount]).toEqual([false, true, 0]);
  });

  it('cancelling (3): gives up when the statement does not settle in time', async () => {
    const { clock, requests, outcome } = begin();

    requests[0]?.close();
    for (let ms = 0; ms < 1000; ms += 10) {
      await clock.advance(10);
      requests.at(-1)?.close();
    }

    expect([outcome(), clock.pendingCount]).toEqual([false, 0]);
    expect(requests.length).toBeGreaterThan(3);
  });

  it('cancelling (3): where nothing can be asked, waits for the statement as long as for any other', async () => {
    const [lucky, unlucky] = [begin({ canAsk: false }), begin({ canAsk: false })];

    lucky.settled();
    await lucky.clock.advance(1000);
    await unlucky.clock.advance(1000);

    expect([lucky.outcome(), unlucky.outcome()]).toEqual([true, false]);
  });
});
