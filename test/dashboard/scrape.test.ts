/**
 * A real Prometheus server scrapes the storefront and the whole service: every metric of the table arrives, every query of the
 * dashboard finds something, every rule can be worked out.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

import { metricDescriptions, prometheusDefaults } from '@holdfast/prometheus';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { type StorefrontProcess, printedValue, startStorefront } from '../storefront/storefront-process.ts';
import { panelRows } from './panels.ts';
import { type PrometheusServer, startPrometheus } from './prometheus-server.ts';
import { type Program, getProgram } from './prometheus-programs.ts';
import { recordingRules } from './recording-rules.ts';
import { type WholeService, startWholeService } from './whole-service.ts';

/** How long the story is told. A longer one: HOLDFAST_STORY_SECONDS. */
const STORY_SECONDS = Number(process.env['HOLDFAST_STORY_SECONDS'] ?? 16);

const rules = ['holdfast-recording.yaml', 'holdfast-alerts.yaml'].map((file) =>
  inRepository(`packages/prometheus/rules/${file}`),
);

let program: Program;
let storefront: StorefrontProcess;
let service: WholeService;
let server: PrometheusServer | undefined;
let classic = '';
let [from, to] = [0, 0];

beforeAll(
  async () => {
    program = getProgram('prometheus');
    if (program.path === undefined) return;
    service = await startWholeService();
    storefront = startStorefront('--for', `${STORY_SECONDS}s`, '--shoppers', '40');
    const shop = printedValue(await storefront.printed('metrics '), 'metrics');
    from = Date.now() / 1000;
    server = await startPrometheus(program.path, { shop, whole: service.url }, rules);
    await storefront.printed('act 7');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    to = Date.now() / 1000;
    classic = await service.classic();
  },
  60_000 + STORY_SECONDS * 2000,
);

afterAll(async () => {
  storefront?.kill();
  await server?.stop();
  await service?.close();
});

function running(skip: (why: string) => never): PrometheusServer {
  return server ?? skip(program.path === undefined ? program.whyNot : 'it does not run');
}

/** A query with the variables of the dashboard filled in. */
function filled(query: string): string {
  return query.replaceAll(/\$(?:service|policy)/g, '.*').replaceAll('$__rate_interval', '5s');
}

describe('a Prometheus server', () => {
  it('reads both services without an error', async ({ skip }) => {
    expect(await running(skip).scrapeErrors()).toEqual([]);
    const up = await running(skip).range('min_over_time(up[5s])', to - 2, to);
    expect(Object.fromEntries(up.map(({ metric, values }) => [metric['job'], values.at(-1)?.[1]]))).toEqual({
      shop: '1',
      whole: '1',
    });
  });

  it('has every metric of the table, and those of the storefront from the storefront', async ({ skip }) => {
    const names = await Promise.all(
      metricDescriptions.map(async ({ name, type }) => {
        const full = `${prometheusDefaults.prefix}${name}${type === 'histogram' ? '_bucket' : ''}`;
        const found = await running(skip).range(`count by (job) (${full})`, from, to);
        return [name, found.map(({ metric }) => metric['job'])] as const;
      }),
    );

    expect(names.filter(([, jobs]) => !jobs.includes('whole')).map(([name]) => name)).toEqual([]);
    const ofShop = names.filter(([, jobs]) => jobs.includes('shop')).map(([name]) => name);
    for (const part of ['call', 'circuit', 'bulkhead', 'retry', 'retries', 'timeout', 'feature', 'brownout', 'outbox'])
      expect(ofShop.filter((name) => name.startsWith(part))).toEqual(
        names.map(([name]) => name).filter((name) => name.startsWith(part)),
      );
  });

  it('finds something for every query of the dashboard', async ({ skip }) => {
    const queries = panelRows().flatMap(({ panels }) => panels.flatMap(({ title, queries: own }) => own.map(({ expr }) => [title, expr] as const))); // prettier-ignore
    const empty: string[] = [];
    for (const [title, expr] of queries) {
      const found = await running(skip).range(filled(expr), from, to);
      const values = found.flatMap((series) => series.values.map(([, value]) => value));
      if (values.every((value) => value === 'NaN')) empty.push(`${title}: ${expr}`);
    }

    expect(queries.length).toBeGreaterThan(50);
    expect(empty).toEqual([]);
  });

  it('loads all rules, and can work them out', async ({ skip }) => {
    const loaded = await running(skip).rules();

    expect(loaded.filter(({ health }) => health !== 'ok')).toEqual([]);
    for (const { record } of recordingRules) {
      const found = await running(skip).range(record, from, to);
      expect([record, found.length > 0]).toEqual([record, true]);
    }
  });

  it('keeps the example of a traced call', async ({ skip }) => {
    const found = await running(skip).exemplars('holdfast_call_duration_seconds_bucket{job="whole"}', from, to);

    expect(found.flatMap(({ exemplars }) => exemplars)).toContainEqual(
      expect.objectContaining({ labels: { trace_id: 'trace-1' } }),
    );
  });

  it('saw circuits open, features degrade and the level rise in the story', async ({ skip }) => {
    const seen = async (query: string) => (await running(skip).range(`${query} > 0`, from, to)).length;

    expect(await seen('holdfast_circuit_state{job="shop",state="open"}')).toBeGreaterThan(0);
    expect(await seen('holdfast_feature_degraded{job="shop"}')).toBeGreaterThan(0);
    expect(await seen('holdfast_rejections_total{job="shop"}')).toBeGreaterThan(0);
    expect(await seen('holdfast_call_duration_seconds_count{job="shop",outcome="failure"}')).toBeGreaterThan(0);
  });

  it('promtool has nothing to say about any metric of the table', ({ skip }) => {
    const promtool = getProgram('promtool');
    if (promtool.path === undefined) return skip(promtool.whyNot);
    if (classic === '') return skip('there is no service');
    const { status, stdout, stderr } = spawnSync(promtool.path, ['check', 'metrics'], {
      input: classic,
      encoding: 'utf8',
    });

    expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: '' });
  });
});
