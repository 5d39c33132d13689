/**
 * Prometheus server: a real one on a port and in a folder of its own, that scrapes once a second.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { freePort } from '../redis-lab/free-port.ts';
import { spawnTied } from '../redis-lab/tied-process.ts';

/** One series of an answer. */
interface FoundSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Instants in seconds, and values as text. */
  readonly values: readonly (readonly [number, string])[];
}

/** A rule as the server sees it. */
interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

/** A running server. */
export interface PrometheusServer {
  /** What a query found at each second between two instants, in seconds since 1970. */
  range(query: string, from: number, to: number): Promise<readonly FoundSeries[]>;
  /** Examples of a query's series. */
  exemplars(query: string, from: number, to: number): Promise<readonly { readonly exemplars: readonly object[] }[]>;
  rules(): Promise<readonly LoadedRule[]>;
  /** Last errors of scrapes, by job. Empty where all is well. */
  scrapeErrors(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts `program`, which scrapes `targets`: a URL for each job. */
export async function startPrometheus(
  program: string,
  targets: Readonly<Record<string, string>>,
  ruleFiles: readonly string[],
): Promise<PrometheusServer> {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-prometheus-`);
  writeFileSync(`${folder}/prometheus.yml`, configuration(targets, ruleFiles));
  const port = await freePort();
  const server = spawnTied(program, [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--enable-feature=exemplar-storage',
    '--log.level=warn',
  ]);
  const base = `http://127.0.0.1:${port}`;
  await untilReady(base, () => server.output());
  const ask = <T>(path: string, parameters: Readonly<Record<string, string>> = {}) =>
    request<T>(base, path, parameters);
  return {
    range: async (query, from, to) => {
      const parameters = { query, start: String(from), end: String(to), step: '1' };
      return (await ask<{ result: FoundSeries[] }>('query_range', parameters)).result;
    },
    exemplars: (query, from, to) => ask('query_exemplars', { query, start: String(from), end: String(to) }),
    rules: async () => (await ask<{ groups: { rules: LoadedRule[] }[] }>('rules')).groups.flatMap(({ rules }) => rules),
    scrapeErrors: async () => {
      const { activeTargets } = await ask<{ activeTargets: { scrapePool: string; lastError: string }[] }>('targets');
      return activeTargets
        .filter(({ lastError }) => lastError !== '')
        .map((each) => `${each.scrapePool}: ${each.lastError}`);
    },
    async stop() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// --- internal ---

function configuration(targets: Readonly<Record<string, string>>, ruleFiles: readonly string[]): string {
  const jobs = Object.entries(targets).map(([job, url]) => {
    const { host, pathname } = new URL(url);
    return { job_name: job, metrics_path: pathname, static_configs: [{ targets: [host] }] };
  });
  const global = { scrape_interval: '1s', evaluation_interval: '1s' };
  return JSON.stringify({ global, scrape_configs: jobs, rule_files: ruleFiles }); // JSON is YAML
}

async function untilReady(base: string, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const isReady = await fetch(`${base}/-/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Prometheus is not ready: ${output()}`);
}

async function request<T>(base: string, path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
  const response = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
  const answer = (await response.json()) as { status: string; error?: string; data: T };
  if (answer.status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`);
  return answer.data;
}
