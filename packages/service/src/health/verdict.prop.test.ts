import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type CheckFact, type HealthFacts, verdictsOf } from './verdict.ts';

const check = fc.record<CheckFact>({
  name: fc.constantFrom('database', 'cache', 'disk'),
  effect: fc.constantFrom('ready' as const, 'degraded' as const),
  result: fc.constantFrom('pass' as const, 'warn' as const, 'fail' as const, 'unknown' as const),
  reason: fc.constantFrom('timeout', undefined),
  ageMs: fc.constant(5),
});

const facts = fc.record<HealthFacts>({
  state: fc.constantFrom(
    'new' as const,
    'starting' as const,
    'running' as const,
    'stopping' as const,
    'stopped' as const,
  ),
  hasStarted: fc.boolean(),
  fatal: fc.constantFrom(undefined, 'outbox crashes again and again'),
  checks: fc.array(check, { maxLength: 4 }),
  openCircuits: fc.array(fc.constantFrom('prices', 'stock'), { maxLength: 2 }),
});

describe('verdictsOf, for all facts', () => {
  it('(1) charter R4: open circuits and checks that only degrade never make a probe fail', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const calm = { ...given, openCircuits: [], checks: given.checks.filter(({ effect }) => effect === 'ready') };
        const [worse, better] = [verdictsOf(given), verdictsOf(calm)];

        for (const probe of ['live', 'start', 'ready'] as const) {
          expect(worse[probe].status === 'fail').toBe(better[probe].status === 'fail');
        }
        if (given.openCircuits.length > 0 && worse.ready.status !== 'fail') expect(worse.ready.status).toBe('warn');
      }),
    );
  });

  it('(2) what stops is live, started and not ready', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const { live, start, ready } = verdictsOf({ ...given, state: 'stopping', hasStarted: true, fatal: undefined });

        expect([live.status, start.status, ready.status]).toEqual(['pass', 'pass', 'fail']);
        expect(ready.reasons[0]).toBe('the service is stopping');
      }),
    );
  });

  it('(3) a check that was not run yet fails readiness if that rests on it, and warns otherwise', () => {
    fc.assert(
      fc.property(facts, check, (given, unknown) => {
        const running = { ...given, state: 'running' as const, fatal: undefined };
        const { status, reasons } = verdictsOf({
          ...running,
          checks: [{ ...unknown, result: 'unknown' }],
          openCircuits: [],
        }).ready;

        expect(status).toBe(unknown.effect === 'ready' ? 'fail' : 'warn');
        expect(reasons).toEqual([`${unknown.name} has not been checked yet`]);
      }),
    );
  });

  it('is never without a reason where it is not well, and has none where it is', () => {
    fc.assert(
      fc.property(facts, (given) => {
        for (const { status, reasons } of Object.values(verdictsOf(given)))
          expect(reasons.length > 0).toBe(status !== 'pass');
      }),
    );
  });
});
