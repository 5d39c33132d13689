/**
 * Metrics of a cluster of processes, put together by prom-client.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { runSource } from '../../setup/run-source.ts';

describe('a cluster of two processes', () => {
  it('charter K5: shows each state that a circuit has somewhere, and the sum of the calls', async () => {
    const text = await runSource('test/conformance/prometheus/cluster-app.ts', [], 15_000);

    expect(text).toContain('holdfast_circuit_state{name="prices",state="closed"} 1');
    expect(text).toContain('holdfast_circuit_state{name="prices",state="half_open"} 0');
    expect(text).toContain('holdfast_circuit_state{name="prices",state="open"} 1');
    expect(text).toContain('holdfast_calls_in_flight{name="prices"} 3');
    expect(text).toContain('holdfast_calls_total{name="prices",outcome="failure"} 1');
  });
});
