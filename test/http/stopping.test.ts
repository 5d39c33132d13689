/**
 * A real process on each framework under load is signalled: no request fails, and what is stuck is answered before the end. The
 * processes stand beside each other, since each of them waits most of the time.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';

import type { RequestCounts } from '@holdfast/http';
import type { StopReport } from '@holdfast/service';
import { describe, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { spawnTied, type TiedProcess } from '../redis-lab/tied-process.ts';
import { startLoad } from '../service/load.ts';
import { kinds } from './servers.ts';

const program = fileURLToPath(new URL('shop-program.ts', import.meta.url));

interface Ending {
  readonly report: StopReport;
  readonly counts: RequestCounts;
}

interface Shop {
  readonly process: TiedProcess;
  readonly url: string;
  readonly probeUrl: string;
  /** What it has printed that has `key`. */
  readonly printed: (key: string) => Record<string, unknown> | undefined;
}

async function start(settings: object, onTestFinished: (end: () => Promise<void>) => void): Promise<Shop> {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', program, JSON.stringify(settings)];
  const started = spawnTied(process.execPath, flags);
  onTestFinished(async () => void (await started.kill()));
  const printed = (key: string): Record<string, unknown> | undefined =>
    started
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((line) => key in line);
  const { port, probePort } = await eventually(() => printed('port'), { what: 'the shop', limitMs: 60_000 });
  return {
    process: started,
    url: `http://127.0.0.1:${String(port)}`,
    probeUrl: `http://127.0.0.1:${String(probePort)}`,
    printed,
  };
}

describe.concurrent('SIGTERM under load', () => {
  it.for(kinds)('of a service on %s fails no request', async (kind, { expect, onTestFinished }) => {
    const settings = { kind, notReadyForMs: 1000, stopTimeoutMs: 20_000 };
    const { process: shop, url, probeUrl, printed } = await start(settings, onTestFinished);
    const load = startLoad(url, probeUrl, 10);
    await eventually(() => load.answeredCount() > 100, { what: '100 orders', limitMs: 60_000 });
    shop.signal('SIGTERM');
    const { answered, failures } = await load.done;

    expect(failures).toEqual([]);
    expect(await shop.ended).toEqual({ code: 0, signal: null });
    const { report, counts } = printed('report') as unknown as Ending;
    expect(report).toMatchObject({ isComplete: true, reason: { kind: 'signal' } });
    expect(counts).toMatchObject({
      running: 0,
      ended: { answered: answered.length, 'client-gone': 0, 'server-closing': 0 },
    });
  });

  it.for(kinds)(
    'of a service on %s has what is stuck answered with 503, and ends in time',
    async (kind, { expect, onTestFinished }) => {
      const settings = { kind, notReadyForMs: 0, stopTimeoutMs: 3000 };
      const { process: shop, url, printed } = await start(settings, onTestFinished);
      const stuck = fetch(`${url}/stuck`, { method: 'POST' });
      await eventually(() => printed('isStuck'), { what: 'the request' });
      shop.signal('SIGTERM');
      const response = await stuck;

      expect([response.status, response.headers.get('connection')]).toEqual([503, 'close']);
      expect(await response.text()).toContain('server-closing');
      expect(await shop.ended).toEqual({ code: 0, signal: null });
      expect(printed('report')).toMatchObject({
        report: { isComplete: true },
        counts: { ended: { 'server-closing': 1 } },
      });
    },
  );
});
