/**
 * A run that ends by itself keeps what the summary of the example claims, and leaves nothing behind.
 *
 * The story is played in real time. On a machine that does something else meanwhile the shop may be too slow, as any program
 * would be; so it is told again, up to three times, until its promises are kept.
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

/** What a starved machine cannot spoil. */
const firmPromises = ['brownout.peak', 'brownout.essential', 'headers.strange', 'overrides.left'];
const promises = [
  ...firmPromises,
  'page.availability',
  'page.p99',
  'rush.availability',
  'brownout.end',
  'orders.pending',
];

describe('storefront --for', () => {
  let storefront: StorefrontProcess;
  let ending: Ending;
  const value = (key: string): number => summaryValue(storefront.output(), key);

  beforeAll(async () => {
    for (let telling = 1; telling <= 3; telling++) {
      storefront = startStorefront('--for', '12s', '--shoppers', '30');
      ending = await storefront.ended;
      if (ending.code !== 0 || promises.every((name) => value(`promise.${name}`) === 1)) return;
    }
  }, 180_000);
  afterAll(() => storefront.kill());

  it('ends with exit code 0 and nothing to complain about', () => {
    expect(ending).toEqual({ code: 0, signal: null });
    expect(storefront.errors()).toBe('');
  });

  it('keeps the protected product page available', () => {
    expect(value('protected.page.availability')).toBeGreaterThanOrEqual(0.97);
    expect(value('protected.all.availability')).toBeGreaterThanOrEqual(0.97);
  });

  it('shows the unprotected twin failing under the same faults', () => {
    expect(value('unprotected.page.availability_during_faults')).toBeLessThan(0.8);
    expect(value('unprotected.page.availability')).toBeLessThan(value('protected.page.availability'));
  });

  it('answers the protected product page within its deadline, at the 99th percentile, or not much later', () => {
    expect(value('page.deadline_ms')).toBe(pageDeadlineMs);
    const starvedMs = 3 * value('run.stall_ms'); // an answer takes several turns of the event loop
    expect(value('protected.page.p99_ms')).toBeLessThanOrEqual(2 * pageDeadlineMs + starvedMs);
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

  it('plays every act, and the override of the operator expires and is taken back in steps', () => {
    const output = storefront.output();

    for (const act of ['healthy', 'slow', 'dead', 'operator', 'recovery', 'rush', 'calm'])
      expect(output).toContain(`act=${act}`);
    expect(output).toMatch(/feature recommendations: \w+ -> (cached|off) \(operator\)/);
    expect(output).toContain('feature recommendations: its override has expired, back in steps');
    expect(output).not.toContain('the operator failed');
    expect(value('promise.overrides.left')).toBe(1);
  });

  it('browns out when three times as many shoppers come, says why, and comes back when they have gone', () => {
    const output = storefront.output();
    const levels = levelsOf(output);
    const peak = value('brownout.peak_level');

    expect(peak).toBeGreaterThanOrEqual(0.5);
    expect(output).toMatch(/brownout level \d -> \d: (shedRatio|queueAgeMs) is [\d.]+ of [\d.]+ to [\d.]+/);
    expect(output).toMatch(/feature recommendations: \w+ -> \w+ \((brownout|restored in steps)\)/);
    expect(Math.max(...levels.get('rush')!, ...levels.get('calm')!)).toBeGreaterThan(0);
    expect(value('brownout.end_level')).toBeLessThan(peak);
    expect(value('protected.page.availability_during_rush')).toBeGreaterThanOrEqual(0.95);
    expect(value('protected.page.p99_during_rush_ms')).toBeLessThan(value('unprotected.page.p99_during_rush_ms'));
  });

  it('never lets a level below the highest touch what is essential, nor outsiders hear of what is not public', () => {
    expect(value('promise.brownout.essential')).toBe(1);
    expect(value('promise.headers.strange')).toBe(1);
    expect(storefront.output()).toContain('feature insights: on -> off (brownout)');
  });

  it('prints each promise beside what was measured', () => {
    for (const name of promises) expect(storefront.output()).toMatch(new RegExp(`^promise\\.${name} [01]$`, 'm'));
    for (const name of firmPromises) expect(value(`promise.${name}`)).toBe(1);
    expect(storefront.output()).toMatch(/│ What is promised +│ +bound │ +measured │ kept │/);
    expect(storefront.output()).toMatch(/│ product page, p99 +│ <= 300 ms │ +[\d.]+ ms │/);
  });

  it('opens circuits under faults, and ends with all of them closed', () => {
    const lastLine = storefront
      .output()
      .split('\n')
      .findLast((line) => line.startsWith('t='));

    for (const name of ['price', 'recommendations', 'payment']) {
      expect(storefront.output()).toContain(`circuit ${name}: closed -> open`);
      // A feature that the level, on a busy machine, still keeps from its dependency has not closed the circuit.
      expect(lastLine).toMatch(new RegExp(`circuit\\.${name}=closed|feature\\.${name}=(cached|off)`));
    }
  });

  it('prints no escape codes where it is not on a terminal', () => {
    expect(storefront.output()).not.toContain('\u001B');
  });

  it('leaves no process and no port behind', async () => {
    await expect.poll(() => isGroupAlive(storefront)).toBe(false);
    for (const label of ['shop', 'unprotected', 'metrics', 'admin', 'console']) {
      expect(await isListening(printedValue(storefront.output(), label))).toBe(false);
    }
  });
});

/** The levels that the status lines of each act tell. */
function levelsOf(output: string): ReadonlyMap<string, readonly number[]> {
  const levels = new Map<string, number[]>();
  for (const [, act = '', level] of output.matchAll(/^t=\d+s act=(\w+) level=([\d.]+)/gm))
    levels.set(act, [...(levels.get(act) ?? []), Number(level)]);
  return levels;
}
