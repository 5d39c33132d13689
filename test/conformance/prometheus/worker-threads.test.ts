/**
 * Metrics of worker threads, put together by prom-client in the main thread.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { runSource } from '../../setup/run-source.ts';

describe('two worker threads', () => {
  it('charter K5: show each state that a circuit has somewhere, the sum of the calls, and histograms of all', async () => {
    const text = await runSource('test/conformance/prometheus/worker-app.ts', [], 15_000);

    expect(text).toContain('holdfast_circuit_state{name="prices",state="closed"} 1');
    expect(text).toContain('holdfast_circuit_state{name="prices",state="half_open"} 0');
    expect(text).toContain('holdfast_circuit_state{name="prices",state="open"} 1');
    expect(text).toContain('holdfast_calls_in_flight{name="prices"} 3');
    expect(text).toContain('holdfast_calls_total{name="prices",outcome="failure"} 1');
    expect(text).toMatch(
      /holdfast_call_duration_seconds_count\{(?:name="prices",outcome="failure"|outcome="failure",name="prices")\} 1/,
    );
  });
});
