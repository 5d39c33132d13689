import { describe, expect, it } from 'vitest';

import { sleep } from '../redis-lab/eventually.ts';
import { type CircuitFleet, startCircuitFleet } from './circuit-fleet.ts';
import type { MemberReport } from './circuit-member.ts';
import { lessLag } from './timer-lag.ts';

/** Opens quickly, and stays open until a test has seen it. */
const options = {
  window: { kind: 'count', size: 10 },
  minimumCalls: 5,
  openForMs: 8000,
  maxProbes: 1,
  probeLeaseMs: 500,
} as const;

async function openFleet(circuit: CircuitFleet): Promise<number> {
  circuit.dependency.set('failing');
  await circuit.fleet.askAll('call', 10);
  const reports = await circuit.until('an open circuit everywhere', ({ fleet: { ruling } }) => ruling.state === 'open');
  return reports[0]?.fleet.ruling.epoch as number;
}

describe('faults of the server', () => {
  it.each([
    ['is killed and comes back empty', ({ server }: CircuitFleet): Promise<void> => server.restart({ empty: true })],
    [
      'stops for 5 seconds',
      async ({ server }: CircuitFleet): Promise<void> => {
        server.pause();
        await sleep(5000);
        server.resume();
      },
    ],
    ['forgets everything', async ({ server }: CircuitFleet): Promise<void> => void (await server.admin.flushall())],
    [
      'forgets its scripts again and again',
      async ({ server }: CircuitFleet): Promise<void> => {
        for (let time = 0; time < 100; time++) await server.admin.script('FLUSH');
      },
    ],
  ] as const)(
    'charter M1, M3, M10: when it %s no call waits, no ruling goes back, and all agree within 3 s',
    async (_what, fault) => {
      await using circuit = await startCircuitFleet(6, options);
      const epoch = await openFleet(circuit);
      await circuit.fleet.askAll('report');

      await fault(circuit);
      let reports: readonly MemberReport[] = [];
      const agree = async () => {
        reports = await circuit.until(
          'agreement',
          ({ mode, fleet: { ruling, view } }) => mode === 'shared' && view === 'fresh' && ruling.epoch >= epoch,
        );
      };
      expect(await lessLag(circuit.fleet, agree)).toBeLessThan(3000);

      expect(new Set(reports.map(({ fleet: { ruling } }) => ruling.epoch)).size).toBe(1);
      expect(reports.flatMap(({ strange }) => strange)).toEqual([]);
      expect(Math.max(...reports.map(({ lateRefusals }) => lateRefusals))).toBe(0);
      circuit.dependency.set('ok');
      await circuit.until('a closed circuit', ({ state }) => state === 'closed');
      expect(await circuit.server.keysWithoutTtl()).toEqual([]);
    },
  );
});
