/**
 * A run that ends by itself keeps what the summary of the example claims, and leaves nothing behind.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type Ending,
  type StorefrontProcess,
  isGroupAlive,
  isListening,
  printedValue,
  startStorefront,
  summaryValue,
} from './storefront-process.ts';

const pageDeadlineMs = 300;

describe('storefront --for', () => {
  let storefront: StorefrontProcess;
  let ending: Ending;
  const value = (key: string): number => summaryValue(storefront.output(), key);

  beforeAll(async () => {
    storefront = startStorefront('--for', '10s');
    ending = await storefront.ended;
  });
  afterAll(() => storefront.kill());

  it('ends with exit code 0 and nothing to complain about', () => {
    expect(ending).toEqual({ code: 0, signal: null });
    expect(storefront.errors()).toBe('');
  });

  it('keeps the protected product page available', () => {
    expect(value('protected.page.availability')).toBeGreaterThanOrEqual(0.99);
    expect(value('protected.all.availability')).toBeGreaterThanOrEqual(0.99);
  });

  it('shows the unprotected twin failing under the same faults', () => {
    expect(value('unprotected.page.availability_during_faults')).toBeLessThan(0.8);
    expect(value('unprotected.page.availability')).toBeLessThan(value('protected.page.availability'));
  });

  it('answers the protected product page within its deadline, at the 99th percentile', () => {
    expect(value('page.deadline_ms')).toBe(pageDeadlineMs);
    expect(value('protected.page.p99_ms')).toBeLessThanOrEqual(pageDeadlineMs);
  });

  it('gives both twins the same visits', () => {
    expect(value('protected.visits')).toBeGreaterThan(200);
    expect(value('protected.visits')).toBe(value('unprotected.visits'));
  });

  it('serves more than its twin, degrades and rejects to that end, and pays for every deferred order', () => {
    expect(value('protected.goodput_per_second')).toBeGreaterThan(value('unprotected.goodput_per_second'));
    expect(value('protected.degraded')).toBeGreaterThan(0);
    expect(value('protected.rejected')).toBeGreaterThan(0);
    expect(value('orders.settled')).toBeGreaterThan(0);
    expect(value('orders.pending')).toBe(0);
    expect(value('unprotected.degraded')).toBe(0);
    expect(value('unprotected.rejected')).toBe(0);
  });

  it('plays every act, and the operator switches recommendations and restores them', () => {
    const output = storefront.output();

    for (const act of ['healthy', 'slow', 'dead', 'operator', 'recovery']) expect(output).toContain(`act=${act}`);
    expect(output).toContain('feature recommendations: full -> cached (operator)');
    expect(output).toContain('feature recommendations: cached -> full (operator)');
    expect(output).not.toContain('the operator failed');
  });

  it('opens circuits under faults, and ends with all of them closed', () => {
    const lastLine = storefront
      .output()
      .split('\n')
      .findLast((line) => line.startsWith('t='));

    for (const name of ['price', 'recommendations', 'payment']) {
      expect(storefront.output()).toContain(`circuit ${name}: closed -> open`);
      expect(lastLine).toContain(`circuit.${name}=closed`);
    }
  });

  it('prints no escape codes where it is not on a terminal', () => {
    expect(storefront.output()).not.toContain('\u001B');
  });

  it('leaves no process and no port behind', async () => {
    await expect.poll(() => isGroupAlive(storefront), { timeout: 2000 }).toBe(false);
    for (const label of ['shop', 'unprotected', 'metrics', 'admin']) {
      expect(await isListening(printedValue(storefront.output(), label))).toBe(false);
    }
  });
});
