/**
 * A real process on each framework under load is signalled: no request fails, and what is stuck is answered before the end.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';

import type { RequestCounts } from '@holdfast/http';
import type { StopReport } from '@holdfast/service';
import { afterEach, describe, expect, it } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { spawnTied, type TiedProcess } from '../redis-lab/tied-process.ts';
import { startLoad } from '../service/load.ts';
import { kinds } from './servers.ts';

const program = fileURLToPath(new URL('shop-program.ts', import.meta.url));

let shop: TiedProcess | undefined;
afterEach(() => shop?.kill());

interface Ending {
  readonly report: StopReport;
  readonly counts: RequestCounts;
}

async function start(settings: object): Promise<{ url: string; probeUrl: string; ending: () => Ending }> {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', program, JSON.stringify(settings)];
  const started = (shop = spawnTied(process.execPath, flags));
  const printed = (key: string): Record<string, unknown> | undefined =>
    started
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((line) => key in line);
  const { port, probePort } = await eventually(() => printed('port'), { what: 'the shop', limitMs: 60_000 });
  return {
    url: `http://127.0.0.1:${String(port)}`,
    probeUrl: `http://127.0.0.1:${String(probePort)}`,
    ending: () => printed('report') as unknown as Ending,
  };
}

describe('SIGTERM under load', () => {
  it.each(kinds)('of a service on %s fails no request', async (kind) => {
    const { url, probeUrl, ending } = await start({ kind, notReadyForMs: 1000, stopTimeoutMs: 20_000 });
    const load = startLoad(url, probeUrl, 10);
    await eventually(() => load.answeredCount() > 100, { what: '100 orders', limitMs: 60_000 });
    shop?.signal('SIGTERM');
    const { answered, failures } = await load.done;

    expect(failures).toEqual([]);
    expect(await shop?.ended).toEqual({ code: 0, signal: null });
    const { report, counts } = ending();
    expect(report).toMatchObject({ isComplete: true, reason: { kind: 'signal' } });
    expect(counts).toMatchObject({
      running: 0,
      ended: { answered: answered.length, 'client-gone': 0, 'server-closing': 0 },
    });
  });

  it.each(kinds)('of a service on %s has what is stuck answered with 503, and ends in time', async (kind) => {
    const { url, ending } = await start({ kind, notReadyForMs: 0, stopTimeoutMs: 3000 });
    const stuck = fetch(`${url}/stuck`, { method: 'POST' });
    await sleep(500);
    shop?.signal('SIGTERM');
    const response = await stuck;

    expect([response.status, response.headers.get('connection')]).toEqual([503, 'close']);
    expect(await response.text()).toContain('server-closing');
    expect(await shop?.ended).toEqual({ code: 0, signal: null });
    expect(ending()).toMatchObject({ report: { isComplete: true }, counts: { ended: { 'server-closing': 1 } } });
  });
});
