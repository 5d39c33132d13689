/**
 * Access: the page for who uses no mouse, no colours, or a screen reader, in both themes.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type Stage, openStage, tokens } from './stage.ts';
import { program, signIn, startBrowser, visit } from './visitor.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(program === undefined)('access to the page', () => {
  let browser: Browser;
  let stage: Stage;

  beforeAll(async () => {
    browser = await startBrowser();
    stage = await openStage();
    stage.degradation.set('recommendations', 'off', { actor: 'alice', reason: 'INC-3', expiresInMs: 600_000 });
    await stage.call(true, 10);
  });
  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  it.each(['light', 'dark'] as const)('has no serious finding of axe in the %s theme', async (colorScheme) => {
    const login = await visit(browser, stage.url, { colorScheme, bypassCSP: true });
    const { page } = await signIn(browser, stage.url, tokens.operator, { colorScheme, bypassCSP: true });
    onTestFinished(() => page.context().close());
    onTestFinished(() => login.page.context().close());
    const findings = { login: await findingsOf(login.page) } as Record<string, readonly string[]>;
    for (const place of ['circuits', 'circuits/prices', 'features/recommendations', 'pipelines', 'audit']) {
      await page.evaluate((to) => (location.hash = `#/${to}`), place);
      await page.waitForTimeout(200);
      findings[place] = await findingsOf(page);
    }
    await page.evaluate(() => (location.hash = '#/features/recommendations'));
    await page.getByRole('button', { name: 'Switch…' }).click();
    findings['dialog'] = await findingsOf(page);

    expect(Object.fromEntries(Object.entries(findings).filter(([, found]) => found.length > 0))).toEqual({});
  });

  it('lets somebody with a keyboard alone find a circuit, hold it, and come back to where they were', async () => {
    const { page } = await visit(browser, stage.url);
    onTestFinished(() => page.context().close());
    await page.locator('#token:focus').waitFor();
    await page.keyboard.type(tokens.operator);
    await page.keyboard.press('Enter');
    await page.locator('tbody tr').first().waitFor();
    await page.keyboard.press('Tab');
    await expect.poll(() => focused(page)).toBe('Skip to the view');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Filter circuits');
    await page.keyboard.type('prices');
    await page.getByText('1 of 2 circuits').waitFor();
    await tabTo(page, 'prices');
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'prices' }).waitFor();
    await tabTo(page, 'Hold…');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Reason');
    await page.keyboard.type('by hand');
    await page.keyboard.press('Tab');
    await page.keyboard.type('carol');
    await page.keyboard.press('Enter');
    await page.getByText('by hand').waitFor();
    expect(stage.prices.state).toBe('forced-open');
    await expect.poll(() => focused(page)).toBe('Hold…');

    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await expect.poll(() => focused(page)).toBe('Hold…');
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });

    await expect.poll(() => focused(page)).toBe('prices');
  });

  it('moves between rows with the arrow keys', async () => {
    const { page } = await signIn(browser, stage.url, tokens.viewer);
    onTestFinished(() => page.context().close());
    const names = await page.getByRole('rowheader').getByRole('link').allInnerTexts();
    await tabTo(page, names[0] ?? '');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => focused(page)).toBe(names[1]);
    await page.keyboard.press('ArrowUp');

    await expect.poll(() => focused(page)).toBe(names[0]);
  });

  it('says states in words and shapes, and follows the theme of the system or of whoever chose', async () => {
    const { page } = await signIn(browser, stage.url, tokens.viewer, { colorScheme: 'dark' });
    onTestFinished(() => page.context().close());
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    expect(await page.getByRole('row').filter({ hasText: 'prices' }).locator('.state svg').count()).toBe(1);
    await page.getByRole('button', { name: 'Theme: auto' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).waitFor();
    const light = await ground();
    await page.reload();
    await page.getByRole('button', { name: 'Theme: light' }).waitFor();

    expect(light).not.toBe(dark);
    expect(await ground()).toBe(light);
  });
});

/** Serious and critical findings, each with the element that has it. */
async function findingsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document);
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  });
}

/** What has the focus, by its label or text. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement | null;
    const label = element?.getAttribute('aria-label') ?? element?.labels?.[0]?.querySelector('span')?.textContent;
    return label ?? element?.textContent ?? '';
  });
}

/** Presses Tab until what is called `name` has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${name}`);
}
