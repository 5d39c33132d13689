/**
 * What was shown leaves with what it is of, in both exporters, whatever came and went before.
 *
 * @module
 */

import { type NamedPolicy, bulkhead, createRegistry, retry } from '@holdfast/core';
import { exportMetrics } from '@holdfast/opentelemetry';
import { prometheus } from '@holdfast/prometheus';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { Registry as PromRegistry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { meters } from '../../packages/opentelemetry/src/testing/meter-lab.ts';

const names = ['a', 'b', 'c', 'd'] as const;
const make = { retry, bulkhead } as const;

const step = fc.record({
  what: fc.constantFrom('retry', 'bulkhead', 'pipeline', 'feature'),
  name: fc.constantFrom(...names),
  /** Whether the exporters look after it. */
  isShown: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const sorted = (texts: Iterable<string>): string[] => [...texts].toSorted((one, other) => one.localeCompare(other));

/** A service that things come to and leave, and what both exporters show of it. */
function service(maxNames: number) {
  const registry = createRegistry();
  const features = new Set<string>();
  const policies = new Map<string, NamedPolicy<unknown>>();
  const list = () => [...features].map((name) => ({ name, modes: ['full'], mode: 'full', served: { full: 1 } }));
  const lab = meters(AggregationTemporality.DELTA); // an SDK that adds up by itself keeps what it was told
  const register = new PromRegistry();
  const shown = { registry, degradation: { list }, maxNames };
  const exporters = [exportMetrics({ ...shown, meterProvider: lab.provider }), prometheus({ ...shown, register })];
  return {
    /** What is there leaves, and what is not comes. */
    turn({ what, name }: Step): void {
      const at = `${what}/${name}`;
      const before = policies.get(at);
      if (what === 'feature') {
        if (!features.delete(name)) features.add(name);
      } else if (before !== undefined) {
        registry.remove(before);
        policies.delete(at);
      } else {
        const made =
          what === 'pipeline' ? registry.pipeline(name) : registry.create(make[what] as typeof retry, { name });
        policies.set(at, made);
      }
    },
    /** The names that are there, by what they are of. */
    there: () => [...policies.keys(), ...[...features].map((name) => `feature/${name}`)],
    async ours(): Promise<string[]> {
      const points = (await lab.collect()).flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes }) => placeOf(descriptor.name.replaceAll('.', '_'), attributes)),
      );
      return sorted(new Set(points));
    },
    async theirs(): Promise<string[]> {
      const points = (await register.getMetricsAsJSON()).flatMap(({ name, values }) =>
        values.map(({ labels }) => placeOf(name, labels)),
      );
      return sorted(new Set(points));
    },
    async close(): Promise<void> {
      for (const exporter of exporters) exporter.close();
      await lab.close();
    },
  };
}

/** What a series is of: its kind, by what the metrics of each kind begin with, and its name. */
function placeOf(metric: string, { name, feature }: Readonly<Record<string, unknown>>): string {
  const kind = /^holdfast_(feature|bulkhead|calls|call_|attempts|retr|rejections|observed)/.exec(metric)?.[1] ?? metric;
  const kinds: Record<string, string> = { calls: 'pipeline', call_: 'pipeline', attempts: 'retry', retr: 'retry' };
  return `${kinds[kind] ?? kind}/${String(feature ?? name)}`;
}

/** Metrics that several kinds of policies share tell nothing of one kind. */
const ofOneKind = (place: string): boolean => !/^(?:rejections|observed)/.test(place);

describe('metrics of what has gone', () => {
  it('charter K4: are in neither exporter, whatever came and went', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.constantFrom(1, 2, 100), async (steps, maxNames) => {
        const shown = service(maxNames);
        for (const each of steps) {
          shown.turn(each);
          if (!each.isShown) continue;
          const [own, other] = [(await shown.ours()).filter(ofOneKind), (await shown.theirs()).filter(ofOneKind)];
          expect(own).toEqual(other);
          const places = new Set(shown.there());
          for (const place of own) expect(place.endsWith('/__other__') || places.has(place)).toBe(true);
          if (maxNames === 100) expect(own).toEqual(sorted(places));
        }
        for (const place of shown.there()) {
          const [what, name] = place.split('/') as [Step['what'], Step['name']];
          shown.turn({ what, name, isShown: true });
        }

        expect([await shown.ours(), await shown.theirs()]).toEqual([[], []]);
        await shown.close();
      }),
      { numRuns: 60 },
    );
  });
});
