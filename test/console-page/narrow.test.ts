/**
 * The page in little room: zoomed in, with long names, with features of many modes, and on paper.
 *
 * @module
 */

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { createAdmin } from '@holdfast/console';
import { createDegradation, defineFeatures } from '@holdfast/degradation';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { tokens } from './stage.ts';
import { program, signIn, startBrowser } from './visitor.ts';

const long = `dependency-${'with-a-very-long-name'.repeat(8)}`;
const ladder = ['full', 'personalised', 'popular-in-region', 'popular', 'cached-for-a-day', 'off'] as const;
const many = ['full', 'mode-1', 'mode-2', 'mode-3', 'mode-4', 'mode-5', 'mode-6', 'mode-7', 'mode-8', 'off'] as const;

describe.skipIf(program === undefined)('the page in little room', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  /** A page of a service with long names, in a window of some width. */
  async function open(width: number, height: number): Promise<Page> {
    const registry = createRegistry();
    registry.create(circuitBreaker, { name: long });
    const features = defineFeatures({ ladder: { modes: ladder }, many: { modes: many } });
    const degradation = createDegradation({ features });
    const change = { actor: 'alice', reason: 'because '.repeat(40), expiresInMs: 600_000 };
    degradation.set('ladder', 'cached-for-a-day', change);
    degradation.set('many', 'mode-7', change);
    const service = 'a service with a name that is quite long';
    const admin = createAdmin({ registry, degradation, tokens, service });
    const { url } = await admin.listen();
    const { page } = await signIn(browser, url, tokens.operator, { viewport: { width, height } });
    onTestFinished(async () => {
      await page.context().close();
      await admin.close();
      degradation.close();
    });
    return page;
  }

  it.each([
    ['at a zoom of 200 %', 640, 400],
    ['at a zoom of 400 %', 320, 256],
  ])('leaves nothing outside of the window %s', async (_what, width, height) => {
    const page = await open(width, height);

    for (const place of ['circuits', `circuits/${long}`, 'features', 'features/many', 'pipelines', 'audit']) {
      await page.evaluate((to) => (location.hash = `#/${to}`), place);
      await page.waitForTimeout(200);
      const [contentWidth] = await page.evaluate(() => [document.documentElement.scrollWidth]);
      expect([place, contentWidth]).toEqual([place, width]);
    }
    for (const name of ['Sign out', 'Theme: auto'])
      expect(await isInside(page.getByRole('button', { name }), width)).toBe(true);
    await page.evaluate((to) => (location.hash = `#/circuits/${to}`), long);
    expect(await isInside(page.getByRole('complementary').getByRole('button', { name: 'Hold…' }), width)).toBe(true);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('row').nth(1).getByRole('link').click();
    await page.getByRole('complementary', { name: long }).waitFor();
  });

  it.each(['ladder', 'many'])('shows the mode in force of a feature with many modes: %s', async (feature) => {
    const page = await open(1280, 720);
    await page.evaluate((to) => (location.hash = `#/features/${to}`), feature);
    await page.getByRole('complementary', { name: feature }).waitFor();
    const row = page.getByTestId(`feature-${feature}`);
    const [cell, mode] = await Promise.all([boxOf(row.locator('td').first()), boxOf(row.locator('.mode.now'))]);

    expect(mode.x + mode.width).toBeLessThanOrEqual(cell.x + cell.width);
    expect(mode.width).toBeGreaterThan(40);
  });

  it('tells the whole of a name that is cut off', async () => {
    const page = await open(1280, 720);

    expect(await page.getByRole('rowheader').first().getAttribute('title')).toBe(long);
  });

  it('is dark ink on white paper, whatever the theme', async () => {
    const page = await open(1280, 720);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });

    expect(await page.evaluate(() => getComputedStyle(document.querySelector('.shell') as Element).colorScheme)).toBe(
      'light',
    );
  });
});

async function boxOf(place: Locator) {
  return (await place.boundingBox()) ?? expect.unreachable();
}

async function isInside(place: Locator, width: number): Promise<boolean> {
  const { x, width: own } = await boxOf(place);
  return x >= 0 && x + own <= width;
}
