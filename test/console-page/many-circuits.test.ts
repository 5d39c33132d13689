/**
 * Five hundred circuits that each change ten times a second: the page stays responsive. Long tasks are those that the browser
 * itself reports: the main thread was busy for 50 ms or more.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises';

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { circuitBreaker } from '@holdfast/core';

import { openStage, tokens } from './stage.ts';
import { program, signIn, startBrowser } from './visitor.ts';

const CIRCUITS = 500;
const ROUNDS = 50;
const ROUND_MS = 100;

describe.skipIf(program === undefined)('500 circuits that change ten times a second', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it('leave the page responsive', async () => {
    const stage = await openStage({ sampleMs: 1000, maxRequestsPerSecond: 10_000 });
    onTestFinished(() => stage.close());
    const breakers = Array.from({ length: CIRCUITS }, (_, index) =>
      stage.registry.create(circuitBreaker, { name: `dependency-${String(index).padStart(3, '0')}` }),
    );
    const { page, complaints } = await signIn(browser, stage.url, tokens.operator);
    await page.getByText(`${CIRCUITS + 2} circuits`).waitFor();
    await page.evaluate(() => {
      const noted = { tasks: [] as number[], frames: 0 };
      Object.assign(globalThis, { noted });
      new PerformanceObserver((list) => noted.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe(
        {
          type: 'longtask',
        },
      );
      const count = (): void => {
        noted.frames++;
        requestAnimationFrame(count);
      };
      count();
    });

    const startedAt = performance.now();
    const typing = page.getByLabel('Filter circuits').pressSequentially('dependency-1', { delay: 150 });
    for (let round = 0; round < ROUNDS; round++) {
      const dueAt = performance.now() + ROUND_MS;
      for (const breaker of breakers) {
        const hold = breaker.hold(round % 2 === 0 ? 'open' : 'closed', { owner: 'load', forMs: 60_000 });
        if (round % 4 === 3) hold.release();
      }
      await sleep(Math.max(0, dueAt - performance.now()));
    }
    await typing;
    const tookMs = performance.now() - startedAt;
    await page.getByTestId('count-forced-closed').getByText(String(CIRCUITS)).waitFor(); // it has seen all of it
    const noted = await page.evaluate(
      () => (globalThis as unknown as { noted: { tasks: number[]; frames: number } }).noted,
    );
    const shown = await page.getByText(`100 of ${CIRCUITS + 2} circuits`).count();
    const rowCount = await page.locator('tbody tr').count();
    const busyRatio = noted.tasks.reduce((sum, ms) => sum + ms, 0) / tookMs;
    console.log({
      longTasks: noted.tasks.length,
      longestMs: Math.max(0, ...noted.tasks),
      busyRatio: Number(busyRatio.toFixed(3)),
      framesPerSecond: Math.round((noted.frames / tookMs) * 1000),
    });

    expect([shown, complaints]).toEqual([1, []]);
    expect(rowCount).toBeLessThan(60);
    expect(Math.max(0, ...noted.tasks)).toBeLessThan(1000);
    expect(busyRatio).toBeLessThan(0.5);
    expect(noted.frames).toBeGreaterThan((tookMs / 1000) * 5);
  });
});
