import { createRegistry } from '@holdfast/core';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { prometheus } from './index.ts';

describe('prometheus options', () => {
  it('(1) keeps nothing that the caller might change', async () => {
    const [registry, register] = [createRegistry(), new Registry()];
    const boundsMs = [10];
    const status = { state: 'running', runs: 1, crashes: 0, isSafeMode: false };
    const supervisors: Record<string, { status: () => typeof status }> = { importer: { status: () => status } };
    prometheus({ register, registry, durationBoundsMs: boundsMs, supervisors });
    boundsMs.unshift(1);
    delete supervisors['importer'];
    await registry.pipeline('prices').execute(() => 1);

    const text = await register.metrics();
    expect(text).toContain('holdfast_supervisor_runs_total{name="importer"} 1');
    expect(text.match(/le="[^"]+"/g)?.slice(0, 2)).toEqual(['le="0.01"', 'le="+Inf"']);
  });
});
