/**
 * Prometheus itself reads what we write, and its linter has nothing to say.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { createContextMonitor, defineContextSchema } from '@holdfast/context';
import { Context, createRegistry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { prometheus } from '@holdfast/prometheus';
import { Registry } from 'prom-client';
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';

import { inRepository } from '../../repository.ts';
import { eventfulService } from './eventful-service.ts';

let promtool = '';
let whyNot = '';

/** Where it must be had: our CI runs as root on Debian. */
const isRequired = Boolean(process.env['CI']) && existsSync('/etc/debian_version') && process.getuid?.() === 0;

beforeAll(() => {
  const { status, stdout, stderr } = spawnSync('sh', [inRepository('test/setup/get-promtool.sh')], {
    encoding: 'utf8',
  });
  if (status === 0) promtool = stdout.trim();
  else whyNot = stderr.trim();
  if (promtool === '' && isRequired) throw new Error(whyNot);
  if (promtool === '') console.warn(whyNot);
}, 120_000);

/** Runs promtool; `output` is everything it says. */
function run({ skip }: TestContext, args: readonly string[], input = ''): { status: number | null; output: string } {
  skip(promtool === '', whyNot);
  const { status, stdout, stderr } = spawnSync(promtool, args, { input, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

async function scrapeText(contentType: string): Promise<string> {
  const register = new Registry();
  (register as { setContentType(type: string): void }).setContentType(contentType);
  const { registry, degradation } = await eventfulService();
  const contexts = createContextMonitor({ schema: defineContextSchema({ version: '1.0', fields: {} }) });
  const root = Context.withClock(virtualClock());
  for (const ms of [5, 500, Infinity]) contexts.track(root.withTimeout(ms));
  prometheus({ register, registry, degradation, contexts });
  return register.metrics();
}

const series = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('promtool', () => {
  it('has nothing to say about the metrics of an eventful service', async (context) => {
    const text = await scrapeText(Registry.PROMETHEUS_CONTENT_TYPE);

    expect(run(context, ['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
    for (const state of ['closed', 'half_open', 'open']) {
      expect(text).toMatch(new RegExp(`holdfast_circuit_state\\{name="[a-z -]+",state="${state}"\\} 1`));
    }
    expect(text).toMatch(/holdfast_rejections_total\{name="open",policy="circuit-breaker",reason="open"\} [1-9]/);
    expect(text).toMatch(/holdfast_context_ttl_seconds_bucket\{name="context",le="0.5"\} 2/);
    expect(series(text).length).toBeGreaterThan(200);
  });

  it('has nothing to say about the metrics of a service without policies', async (context) => {
    const register = new Registry();
    prometheus({ register, registry: createRegistry() });

    expect(run(context, ['check', 'metrics'], await register.metrics())).toEqual({ status: 0, output: '' });
  });

  it('objects to a bad name, so that its silence means something', (context) => {
    const bad = '# HELP holdfast_calls x\n# TYPE holdfast_calls counter\nholdfast_calls 1\n';

    expect(run(context, ['check', 'metrics'], bad)).toMatchObject({ status: 3 });
  });

  it('reads every series of the OpenMetrics format', async (context) => {
    // `check metrics` knows the classic format only; the importer reads OpenMetrics, and wants timestamps.
    const text = await scrapeText(Registry.OPENMETRICS_CONTENT_TYPE);
    const stamped = text.replaceAll(/^([^#\n].*)$/gm, '$1 1700000000');
    const folder = mkdtempSync(`${tmpdir()}/holdfast-promtool-`);
    try {
      writeFileSync(`${folder}/metrics.txt`, stamped);

      const args = ['tsdb', 'create-blocks-from', 'openmetrics', `${folder}/metrics.txt`, `${folder}/data`];
      const { status, output } = run(context, args);

      expect({ status, output }).toMatchObject({ status: 0 });
      const [, samples] = /\n\S+ +\d+ +\d+ +\S+ +(\d+) /.exec(output) ?? [];
      expect(Number(samples)).toBe(series(text).length);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('finds the same series in both formats', async () => {
    const classic = series(await scrapeText(Registry.PROMETHEUS_CONTENT_TYPE));
    const open = series(await scrapeText(Registry.OPENMETRICS_CONTENT_TYPE));

    expect(open).toEqual(classic);
  });
});
