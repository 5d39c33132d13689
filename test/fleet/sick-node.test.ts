import { describe, expect, it } from 'vitest';

import { sleep } from '../redis-lab/eventually.ts';
import { freePort } from '../redis-lab/free-port.ts';
import { startCircuitFleet } from './circuit-fleet.ts';

const options = {
  window: { kind: 'count', size: 10 },
  minimumCalls: 5,
  openForMs: 500,
  maxProbes: 1,
  probeLeaseMs: 500,
} as const;

describe('one sick node of ten', () => {
  it('charter L2: opens its own circuit, and not that of the fleet', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}/`;
    await using circuit = await startCircuitFleet(10, options, (index, url) => (index === 4 ? nowhere : url));
    const { fleet, until } = circuit;
    await fleet.askAll('call', 10);

    await until(
      'the sick node that has opened by itself',
      ({ fleet: { override }, ok }) => ok > 0 || override?.state === 'open',
    );
    const seen = [];
    for (let look = 0; look < 20; look++) {
      await sleep(150);
      seen.push(await fleet.askAll('report'));
    }

    const healthy = seen.flatMap((reports) => reports.filter((_report, index) => index !== 4));
    const sick = seen.map((reports) => reports[4]);
    expect(healthy.every(({ state, refused, failed }) => state === 'closed' && refused === 0 && failed === 0)).toBe(
      true,
    );
    expect(healthy.every(({ fleet: { ruling } }) => ruling.state === 'closed')).toBe(true);
    expect(sick.reduce((sum, report) => sum + (report?.refused ?? 0), 0)).toBeGreaterThan(100);
    expect(sick.some((report) => report?.state === 'open')).toBe(true);
  });
});
