/**
 * A service that goes away and comes back: the page says so, marks what it shows, and follows again by itself.
 *
 * @module
 */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openStage, tokens } from './stage.ts';
import { program, signIn, startBrowser } from './visitor.ts';

describe.skipIf(program === undefined)('a service that goes away', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it('is said to be lost, and followed again after a restart, with what is true then', async () => {
    const before = await openStage();
    const { page, complaints } = await signIn(browser, before.url, tokens.operator);
    await page.getByRole('link', { name: 'prices' }).click();

    await before.close();
    await page.getByRole('alert').getByText('Connection lost.').waitFor();
    await page.getByText('The service does not answer now.').waitFor();
    expect(await page.locator('.stale').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Hold…' }).isDisabled()).toBe(true);

    const after = await openStage({ port: before.port, service: 'restarted' });
    await page.getByText('restarted').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await page.locator('.stale').count()).toBe(0);
    await after.call(true, 10);
    await page
      .getByRole('row')
      .filter({ hasText: 'prices' })
      .getByText(/^(Open|Half-open)$/)
      .waitFor();

    await after.close();
    expect(complaints).toEqual([]);
  });

  it('asks for a token again where a restarted service has other ones', async () => {
    const before = await openStage();
    const { page } = await signIn(browser, before.url, tokens.operator);
    await before.close();

    const after = await openStage({ port: before.port, tokens: { operator: 'another-token-than-before' } });
    await page.getByText('The token is not accepted any more.').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);

    await after.close();
  });
});
