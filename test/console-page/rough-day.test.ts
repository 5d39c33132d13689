/**
 * A rough day: what the page does with a dialog that others overtook, a list that cannot be loaded, a clock that is wrong, tabs
 * that nobody looks at, and names that turn the text around them.
 *
 * @module
 */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { openStage, tokens } from './stage.ts';
import { program, signIn, startBrowser, visit } from './visitor.ts';

const change = { actor: 'bob', reason: 'INC-2', expiresInMs: 600_000 } as const;

describe.skipIf(program === undefined)('the page on a rough day', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  const openStageHere = async (options: Parameters<typeof openStage>[0] = {}) => {
    const stage = await openStage(options);
    onTestFinished(() => stage.close());
    return stage;
  };

  it('does not overwrite what somebody else changed while a dialog was open', async () => {
    const stage = await openStageHere();
    const { page } = await signIn(browser, stage.url, tokens.operator);
    onTestFinished(() => page.context().close());
    await page.getByRole('link', { name: 'Features' }).click();
    await page.getByRole('link', { name: 'recommendations' }).click();
    await page.getByRole('button', { name: 'Switch…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('off').check();

    stage.degradation.set('recommendations', 'cached', change);
    await page.getByRole('row').filter({ hasText: 'recommendations' }).getByText('bob: INC-2').waitFor();
    expect(await dialog.getByLabel('off').isChecked()).toBe(true);
    await fill(page, 'alice');
    await dialog.getByRole('button', { name: 'Switch' }).click();

    await dialog.getByRole('alert').getByText('STALE_REVISION').waitFor();
    expect(stage.degradation.mode('recommendations')).toBe('cached');
  });

  it('shows what can be loaded where something cannot, says what is missing, and takes it up later', async () => {
    const stage = await openStageHere();
    const { page } = await visit(browser, stage.url);
    onTestFinished(() => page.context().close());
    let isBroken = true;
    await page.route(
      (url) => url.pathname === '/pipelines',
      (route) =>
        isBroken ? route.fulfill({ status: 500, body: '{"detail":"a policy is broken"}' }) : route.continue(),
    );
    await page.getByLabel('Token').fill(tokens.operator);
    await page.keyboard.press('Enter');

    await page.getByRole('row').filter({ hasText: 'prices' }).waitFor();
    await page.getByRole('alert').getByText('Not loaded: pipelines (a policy is broken).').waitFor();
    isBroken = false;
    await page.getByText('Not loaded').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Pipelines' }).click();
    await page.getByText('operation').first().waitFor();
    expect(await page.getByRole('heading', { name: 'prices' }).count()).toBeGreaterThan(0);
  });

  it('tells the same time of one thing everywhere, also where the clock of the browser is wrong', async () => {
    const stage = await openStageHere();
    const { page } = await visit(browser, stage.url, { timezoneId: 'Asia/Kathmandu' });
    onTestFinished(() => page.context().close());
    await page.addInitScript(() => {
      const now = Date.now.bind(Date);
      Date.now = () => now() - 3 * 3_600_000;
    });
    await page.reload();
    await page.getByLabel('Token').fill(tokens.operator);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'prices' }).click();
    await page.getByRole('button', { name: 'Hold…' }).click();
    await fill(page, 'alice');
    await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
    const changed = page.getByRole('list').getByRole('listitem').filter({ hasText: 'Held open' });
    const changedAt = secondsOf(await changed.locator('time').innerText());
    await page.getByRole('link', { name: 'Audit' }).click();
    const actedAt = secondsOf(await page.getByTestId('action').locator('td').first().innerText());

    const apart = Math.abs(changedAt - actedAt);
    expect(Math.min(apart, 86_400 - apart)).toBeLessThan(30);
  });

  it('says the day of what was not today, and cuts nothing of it off', async () => {
    let behindMs = 2 * 86_400_000;
    const stage = await openStageHere({ wallClock: () => Date.now() - behindMs });
    const headers = { Authorization: `Bearer ${tokens.operator}`, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ state: 'open', actor: 'alice', reason: 'INC', expiresInMs: 600_000 });
    const held = await fetch(`${stage.url}/circuits/prices/hold`, { method: 'PUT', headers, body });
    await fetch(`${stage.url}/history`, { headers }); // it has looked
    behindMs = 0;
    const { page } = await signIn(browser, stage.url, tokens.operator);
    onTestFinished(() => page.context().close());

    for (const [place, row, column] of [
      ['audit', page.getByTestId('action'), 'td'],
      ['circuits/prices', page.getByRole('listitem').filter({ hasText: 'Held open' }), 'time'],
    ] as const) {
      await page.evaluate((to) => (location.hash = `#/${to}`), place);
      const cell = row.locator(column).first();
      await cell.waitFor();
      expect(await cell.innerText()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
      expect(await cell.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
      expect(await cell.evaluate(({ clientHeight }) => clientHeight)).toBeLessThan(40); // one line
    }
    expect(held.status).toBe(200);
  });

  it('gives its connection back while nobody looks at the tab, and goes on where somebody does', async () => {
    const stage = await openStageHere({ maxWatchers: 1 });
    const one = await signIn(browser, stage.url, tokens.operator);
    onTestFinished(() => one.page.context().close());
    await one.page.getByText('Live', { exact: true }).waitFor();
    await see(one.page, false);

    const other = await visit(browser, stage.url);
    await other.page.getByLabel('Token').fill(tokens.operator);
    await other.page.keyboard.press('Enter');
    await other.page.getByText('Live', { exact: true }).waitFor({ timeout: 40_000 });
    await stage.call(true, 10);
    await other.page.context().close();
    await see(one.page, true);
    await one.page.getByText('Live', { exact: true }).waitFor();
    const row = one.page.getByRole('row').filter({ hasText: 'prices' });
    await expect.poll(() => row.innerText(), { timeout: 20_000 }).toMatch(/Open|Half-open/); // which it has missed
  });

  it('keeps names that run the other way from turning the text around them', async () => {
    const stage = await openStageHere();
    const { page } = await signIn(browser, stage.url, tokens.operator);
    onTestFinished(() => page.context().close());
    await page.getByRole('link', { name: 'prices' }).click();
    await page.getByRole('button', { name: 'Hold…' }).click();
    await fill(page, '\u202Eecila');
    await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
    const card = page.getByTestId('hold-process').locator('p').first();
    await card.waitFor();
    await page.getByRole('link', { name: 'Audit' }).click();

    for (const place of ['circuits/prices', 'audit']) {
      await page.evaluate((to) => (location.hash = `#/${to}`), place);
      const isolation = await page
        .getByText('\u202Eecila', { exact: true })
        .first()
        .evaluate((element) => getComputedStyle(element).unicodeBidi);
      expect([place, isolation]).toEqual([place, 'isolate']);
    }
  });
});

async function fill(page: Page, actor: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('INC-4711');
  await dialog.getByLabel('Your name').fill(actor);
}

/** Seconds since midnight of `14:03:09`, with a day before it or without. */
function secondsOf(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.slice(-8).split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}

/** Has the page think that somebody looks at it, or nobody. */
async function see(page: Page, isSeen: boolean): Promise<void> {
  await page.evaluate(
    (state) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
      document.dispatchEvent(new Event('visibilitychange'));
    },
    isSeen ? 'visible' : 'hidden',
  );
}
