/**
 * Reading policies and features, also those that throw.
 *
 * @module
 */

import {
  type HookError,
  type NamedPolicy,
  circuitBreaker,
  createPolicy,
  createRegistry,
  onHookError,
} from '@holdfast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { FeatureReading } from './degradation-source.ts';
import { LineRegister, lineExporter } from './testing/line-exporter.ts';

let reported: HookError[] = [];

beforeEach(() => {
  reported = [];
  onHookError((error) => reported.push(error));
});

afterEach(() => {
  onHookError(undefined);
});

async function namesIn(register: LineRegister): Promise<Set<unknown>> {
  const metrics = await register.getMetricsAsJSON();
  return new Set(metrics.flatMap(({ values }) => values.map(({ labels }) => labels['name'] ?? labels['feature'])));
}

/** A policy of somebody else that claims to be of a kind of ours. */
function policyOf(kind: string, name: string, parts: object): NamedPolicy<unknown> {
  return Object.assign(createPolicy<unknown>({ kind, name, layer: (inner) => inner }), parts);
}

describe('subjectsOf', () => {
  it('(1) asks each policy once per reading', async () => {
    const registry = createRegistry();
    const register = new LineRegister();
    const real = circuitBreaker();
    let asked = 0;
    const snapshot = () => {
      asked++;
      return real.snapshot();
    };
    registry.add(policyOf('circuit-breaker', 'prices', { snapshot }));
    lineExporter({ register, registry });

    await register.metrics();
    expect(asked).toBe(1);
    await register.metrics();
    expect(asked).toBe(2);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['has no numbers', () => ({})],
    ['counts below 0', () => ({ ...circuitBreaker().snapshot(), rejections: { open: -1, 'half-open-full': 0 } })],
    [
      'counts to NaN',
      () => ({ ...circuitBreaker().snapshot(), verdicts: { success: Number.NaN, failure: 0, ignored: 0 } }),
    ],
  ])('(2) a policy whose snapshot %s is reported, and the others are shown', async (_how, snapshot) => {
    const registry = createRegistry();
    const register = new LineRegister();
    registry.add(policyOf('circuit-breaker', 'broken', { snapshot }));
    registry.create(circuitBreaker, { name: 'prices' });
    lineExporter({ register, registry });

    expect(await namesIn(register)).toEqual(new Set(['prices']));
    expect(reported).toMatchObject([{ hook: 'lines.read', policy: 'broken', cause: expect.any(Error) as Error }]);
  });

  it('(2) a feature, or all features, that cannot be read are reported, and the policies are shown', async () => {
    const registry = createRegistry();
    const register = new LineRegister();
    registry.create(circuitBreaker, { name: 'prices' });
    const good: FeatureReading = { name: 'tips', modes: ['full'], mode: 'full', served: {} };
    let list = (): readonly FeatureReading[] => [{ ...good, name: 'bad', mode: 'melted' }, good];
    lineExporter({ register, registry, degradation: { list: () => list() } });

    expect(await namesIn(register)).toEqual(new Set(['prices', 'tips']));
    list = () => {
      throw new Error('down');
    };
    expect(await namesIn(register)).toEqual(new Set(['prices']));
    expect(reported.map(({ policy }) => policy)).toEqual(['bad', undefined]);
  });

  it('(2) a handler of hook errors that throws does not spoil the reading either, and stays set', async () => {
    const handler = () => {
      throw new Error('handler');
    };
    onHookError(handler);
    const registry = createRegistry();
    const register = new LineRegister();
    registry.add(policyOf('circuit-breaker', 'broken', { snapshot: undefined }));
    registry.create(circuitBreaker, { name: 'prices' });
    lineExporter({ register, registry });

    expect(await namesIn(register)).toEqual(new Set(['prices']));
    expect(onHookError(undefined)).toBe(handler);
  });

  it('passes over policies of kinds that it does not know', async () => {
    const registry = createRegistry();
    const register = new LineRegister();
    registry.add(policyOf('sundial', 'mine', {}));
    registry.add(policyOf('toString', 'odd', {}));
    lineExporter({ register, registry });

    expect(await namesIn(register)).toEqual(new Set());
    expect(reported).toEqual([]);
  });
});
