import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { beforeAll, describe, expect, it } from 'vitest';

import { measureCostRatio } from './cost-ratio.ts';
import { measureFanOut } from './fan-out.ts';
import { forms, hopOf } from './hop.ts';
import { makeRequestContexts } from './request-contexts.ts';
import { measureShedding } from './shedding.ts';

beforeAll(() => {
  setFlagsFromString('--expose-gc');
  (globalThis as { gc?: () => void }).gc ??= runInNewContext('gc') as () => void;
});

describe('the benchmark of contexts', { timeout: 120_000 }, () => {
  it('cancels children of either kind, ours much faster', () => {
    const { contexts, controllers, ratio } = measureFanOut(2000, 20);

    expect(contexts.medianMs).toBeLessThan(controllers.medianMs);
    expect(ratio).toBeGreaterThan(5); // 20 and more where the machine has nothing else to do
  });

  it('compares costs', () => {
    const work = (count: number) => (): number => Array.from({ length: count }, (_, at) => at).length;

    expect(measureCostRatio(work(20), work(20), 9).leastRatio).toBeLessThan(3);
    expect(measureCostRatio(work(100), work(5), 9).leastRatio).toBeGreaterThan(2);
    expect(() => measureCostRatio(() => undefined, work(1), 1)).toThrow('an operation returned nothing');
  });

  it.each(forms)('hops with all that a request carries, as %s', (form) => {
    const { run, headers } = hopOf(form);

    expect(Object.keys(run())).toEqual(Object.keys(headers));
    const text = Object.values(headers).join(' ');
    expect(text).toContain('ORD-2024-00042');
    expect(text).toMatch(/\d{7}ms/);
  });

  it('serves more when enrichers that cost too much are left out', async () => {
    const rounds = [await measureShedding(20), await measureShedding(20), await measureShedding(20)];
    const [all, shed] = [rounds.map((round) => round.all), rounds.map((round) => round.shed)];

    // The best of three, of each: a machine that stands still for a while makes one of them slow.
    const perSecond = (served: typeof all): number => Math.max(...served.map((round) => round.perSecond));
    const p99Ms = (served: typeof all): number => Math.min(...served.map((round) => round.p99Ms));
    expect(perSecond(shed) / perSecond(all)).toBeGreaterThan(1.5);
    expect(p99Ms(shed)).toBeLessThan(p99Ms(all));
  });

  it('makes 100,000 request contexts that leave nothing behind', async () => {
    const left = await makeRequestContexts(100_000, 10);

    expect(left).toMatchObject({ leakCount: 0, openCount: 0, listenerCount: 0, timerCount: 0, strangerCount: 0 });
    expect(left.bytesPerRequest).toBeLessThan(5); // of hundreds that a context takes
  });
});
