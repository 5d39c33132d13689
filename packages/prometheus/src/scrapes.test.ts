import { createRegistry } from '@holdfast/core';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { prometheus } from './index.ts';

function setUp() {
  const [registry, register] = [createRegistry(), new Registry()];
  let asked = 0;
  const status = () => ({
    running: ++asked,
    overdue: 0,
    oldestAgeMs: 0,
    succeeded: asked,
    failed: 0,
    refused: 0,
    abandoned: 0,
  });
  const trackers = { jobs: { status } };
  const exporter = prometheus({ register, registry, trackers });
  const lines = async (part: string) =>
    (await register.metrics()).split('\n').filter((line) => line.startsWith(`holdfast_${part}`));
  return { registry, register, exporter, trackers, lines };
}

describe('scrapes', () => {
  it('(1) all metrics of a scrape are of one reading, and those of the next of another', async () => {
    const { lines } = setUp();

    for (const scrape of [1, 2])
      expect((await lines('tracker_')).filter((line) => !line.endsWith(' 0'))).toEqual([
        `holdfast_tracker_running_jobs{name="jobs"} ${scrape}`,
        `holdfast_tracker_jobs_total{name="jobs",result="succeeded"} ${scrape}`,
      ]);
  });

  it('(1) a metric that is asked by itself is read by itself', async () => {
    const { register } = setUp();
    const single = () => register.getSingleMetricAsString('holdfast_tracker_running_jobs');

    expect(await single()).toContain('{name="jobs"} 1');
    expect(await single()).toContain('{name="jobs"} 2');
  });

  it('(2) what is added or leaves in the same turn as a scrape is in the next reading', async () => {
    const { registry, register, exporter } = setUp();
    const other = { snapshot: () => ({ running: 1, handled: 0, failed: 0, expired: 0, abandoned: 0 }) };
    const single = (name: string) => register.getSingleMetricAsString(`holdfast_${name}`);
    const before = single('tracker_running_jobs');
    const second = prometheus({ register, registry, consumers: { orders: other } });
    const after = single('consumer_running_messages');
    exporter.close();
    const left = single('tracker_overdue_jobs');

    expect(await before).toContain('{name="jobs"} 1');
    expect(await after).toContain('{name="orders"} 1');
    expect(await left).not.toContain('jobs"');
    second.close();
  });
});
