/**
 * Shop process: the shop program under way, as a test sees it.
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type StopReport, type TrackerStatus } from '@holdfast/service';

import { eventually } from '../redis-lab/eventually.ts';
import { type TiedProcess, spawnTied } from '../redis-lab/tied-process.ts';

/** What a stopped shop has printed about its end. */
interface ShopEnd {
  readonly report: StopReport;
  readonly tracker: TrackerStatus;
}

/** A shop under way. */
export interface ShopProcess {
  readonly process: TiedProcess;
  readonly url: string;
  readonly probeUrl: string;
  /** Orders that are in the audit file. */
  audited(): number[];
  /** What it has printed about its end. */
  end(): ShopEnd;
  /** Kills it if it still runs, and removes its files. */
  remove(): Promise<void>;
}

/** Starts a shop and waits until it listens. */
export async function startShop(limits: {
  readonly notReadyForMs: number;
  readonly stopTimeoutMs: number;
}): Promise<ShopProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-shop-'));
  const auditFile = join(folder, 'audit');
  const program = fileURLToPath(new URL('shop-program.ts', import.meta.url));
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', program];
  const shop = spawnTied(process.execPath, [...flags, JSON.stringify({ auditFile, ...limits })]);
  const printed = (key: string): Record<string, unknown> | undefined =>
    lines(shop.output()).find((line) => key in line);
  const { port, probePort } = await eventually(() => printed('port'), { what: 'the shop', limitMs: 30_000 });
  return {
    process: shop,
    url: `http://127.0.0.1:${String(port)}`,
    probeUrl: `http://127.0.0.1:${String(probePort)}`,
    audited: () => readFileSync(auditFile, 'utf8').trim().split('\n').map(Number),
    end: () => {
      const end = printed('report');
      if (end === undefined) throw new Error(`no report in:\n${shop.output()}`);
      return end as unknown as ShopEnd;
    },
    remove: async () => {
      await shop.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// --- internal ---

function lines(output: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
