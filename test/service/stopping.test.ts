/**
 * A real process under load is signalled: no request fails, no background work is lost, and it exits inside its deadline.
 *
 * @module
 */

import { afterEach, describe, expect, it } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { startLoad } from './load.ts';
import { type ShopProcess, startShop } from './shop-process.ts';

let shop: ShopProcess | undefined;
afterEach(() => shop?.remove());

/** Asks for what is never answered, or answered when nobody waits. */
function askInVain(url: string): void {
  void fetch(url, { method: 'POST' }).catch(() => {});
}

describe('SIGTERM under load', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: fails no request, loses no background event, and exits with 0 inside the deadline',
    async (signal) => {
      const stopTimeoutMs = 20_000;
      shop = await startShop({ notReadyForMs: 2500, stopTimeoutMs });
      const load = startLoad(shop.url, shop.probeUrl, 20);
      await eventually(() => load.answeredCount() > 200, { what: '200 orders', limitMs: 60_000 });
      const signalledAt = performance.now();
      shop.process.signal(signal);
      const { answered, failures } = await load.done;
      const ending = await shop.process.ended;
      const tookMs = performance.now() - signalledAt;

      expect(failures).toEqual([]);
      expect(shop.audited().toSorted((a, b) => a - b)).toEqual(answered.toSorted((a, b) => a - b)); // each once, none lost
      expect(ending).toEqual({ code: 0, signal: null });
      expect(tookMs).toBeLessThan(stopTimeoutMs);
      const { report, tracker } = shop.end();
      expect(report).toMatchObject({ isComplete: true, reason: { kind: 'signal', signal } });
      const drained = report.steps.find(({ component, kind }) => component === 'http' && kind === 'drain')?.drained;
      expect(drained?.finished[0]?.count).toBeGreaterThan(0); // requests that were under way, and have started work of their own
      expect(tracker).toMatchObject({ abandoned: 0, failed: 0, refused: 0, succeeded: answered.length });
      expect(report.steps.map(({ component, kind }) => `${component} ${kind}`)).toEqual([
        'http drain',
        'background drain',
        'probes drain',
        'http close',
        'database close',
        'probes close',
      ]);
    },
  );

  it('exits inside the deadline, with 1, and says what it left behind, when work is stuck', async () => {
    const stopTimeoutMs = 2000;
    shop = await startShop({ notReadyForMs: 0, stopTimeoutMs });
    await fetch(`${shop.url}/stuck-job`, { method: 'POST' });
    askInVain(`${shop.url}/stuck`);
    await sleep(300); // it has arrived by then, or else it is refused: neither makes a difference
    const signalledAt = performance.now();
    shop.process.signal('SIGTERM');
    const ending = await shop.process.ended;

    expect(ending).toEqual({ code: 1, signal: null });
    expect(performance.now() - signalledAt).toBeLessThan(stopTimeoutMs + 5000); // a slow machine is given five seconds
    const { report } = shop.end();
    expect(report.isComplete).toBe(false);
    expect(report.durationMs).toBeLessThanOrEqual(stopTimeoutMs + 1000);
    const background = report.steps.find(({ component }) => component === 'background');
    expect(background?.drained?.abandoned).toMatchObject([{ name: 'stuck' }]);
    expect(background?.drained?.abandoned[0]?.place).toContain('shop-program.ts');
  });

  it('a second signal ends it at once', async () => {
    shop = await startShop({ notReadyForMs: 15_000, stopTimeoutMs: 60_000 });
    shop.process.signal('SIGTERM');
    await eventually(async () => (await fetch(`${shop?.probeUrl}/readyz`)).status === 503, { what: 'not ready' });
    expect((await fetch(`${shop.probeUrl}/livez`)).status).toBe(200);
    shop.process.signal('SIGTERM');

    expect(await shop.process.ended).toEqual({ code: 143, signal: null });
  });

  it('an error that nobody catches ends it with 1, after what is under way was drained', async () => {
    shop = await startShop({ notReadyForMs: 15_000, stopTimeoutMs: 60_000 });
    const response = await fetch(`${shop.url}/crash`, { method: 'POST' });
    expect(response.status).toBe(200);

    expect(await shop.process.ended).toEqual({ code: 1, signal: null });
    expect(shop.process.output()).toContain('nobody catches this');
    expect(shop.end().report).toMatchObject({ isComplete: true, reason: { kind: 'fatal' }, exitCode: 1 });
    expect(shop.audited()).toEqual([1]);
  });
});
