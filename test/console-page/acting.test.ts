/**
 * What a visitor sees and does: a circuit that opens and closes, a hold, a feature that is switched and given back.
 *
 * @module
 */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type Stage, hostile, openStage, tokens } from './stage.ts';
import { program, signIn, startBrowser, visit } from './visitor.ts';

describe.skipIf(program === undefined)('the page of the console', () => {
  let browser: Browser;
  let stage: Stage;

  beforeAll(async () => {
    browser = await startBrowser();
    stage = await openStage();
  });
  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  const enter = async (token: string = tokens.operator) => {
    const visited = await signIn(browser, stage.url, token);
    onTestFinished(() => visited.page.context().close());
    return visited;
  };

  it('refuses a wrong token, says so, and takes the right one', async () => {
    const { page, complaints } = await visit(browser, stage.url);
    onTestFinished(() => page.context().close());
    await page.getByLabel('Token').fill('not-the-right-token');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('That is not a token of this service.').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);

    await page.getByLabel('Token').fill(tokens.viewer);
    await page.keyboard.press('Enter');
    await page.getByText('viewer', { exact: true }).waitFor();

    expect(complaints).toEqual([]);
  });

  it('shows a circuit open and close as it happens', async () => {
    const { page, complaints } = await enter();
    const row = page.getByRole('row').filter({ hasText: 'prices' });
    await row.getByText('Closed').waitFor();

    await stage.call(true, 10);
    await row.getByText('Open', { exact: true }).waitFor();
    await page.getByRole('status').filter({ hasText: 'prices is open' }).waitFor();
    await row.getByText('Half-open').waitFor();
    await stage.call(false, 5);
    await row.getByText('Closed').waitFor();

    await row.getByRole('link').click();
    const panel = page.getByRole('complementary', { name: 'prices' });
    expect((await panel.getByRole('list').getByRole('listitem').allInnerTexts()).join(' ')).toMatch(
      /Closed\s+until now[^]*Half-open[^]*Open[^]*Closed/,
    );
    expect(complaints).toEqual([]);
  });

  it('holds a circuit with a reason and for a time, and releases it', async () => {
    const { page } = await enter();
    await page.getByRole('link', { name: 'prices' }).click();
    const panel = page.getByRole('complementary', { name: 'prices' });
    await panel.getByRole('button', { name: 'Hold…' }).click();
    await fillDialog(page, { reason: 'INC-1: drill', actor: 'alice' });
    await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();

    await panel.getByText('INC-1: drill').waitFor();
    expect(stage.prices.state).toBe('forced-open');
    await page.getByRole('row').filter({ hasText: 'prices' }).getByText('Held open').waitFor();

    await panel.getByRole('button', { name: 'Release…' }).click();
    await fillDialog(page, { reason: 'INC-1 is over', actor: 'alice' });
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await panel.getByText('INC-1: drill').waitFor({ state: 'detached' });

    expect(stage.prices.snapshot().holds).toEqual([]);
  });

  it('switches a feature with a reason and an end, which the audit and /metrics show, and undoes it', async () => {
    const { page } = await enter();
    await page.getByRole('link', { name: 'Features' }).click();
    await page.getByRole('link', { name: 'recommendations' }).click();
    const panel = page.getByRole('complementary', { name: 'recommendations' });
    await panel.getByRole('button', { name: 'Switch…' }).click();
    await page.getByRole('dialog').getByLabel('cached').check();
    await fillDialog(page, { reason: 'INC-2: slow', actor: 'bob' });
    await page.getByRole('dialog').getByRole('button', { name: 'Switch' }).click();

    await panel.getByText('exactly cached').waitFor();
    expect(stage.degradation.mode('recommendations')).toBe('cached');
    expect(await page.getByRole('row').filter({ hasText: 'recommendations' }).innerText()).toMatch(
      /bob: INC-2: slow\s+1[45]:\d\d/,
    );
    expect(await stage.metrics()).toContain('holdfast_feature_mode{feature="recommendations",mode="cached"} 1');

    await page.getByRole('link', { name: 'Audit' }).click();
    const entry = page.getByRole('row').filter({ hasText: 'set feature recommendations to cached' });
    await entry.filter({ hasText: 'INC-2: slow' }).getByRole('button', { name: /^Undo/ }).click();
    await fillDialog(page, { reason: 'a drill', actor: 'bob' });
    await page.getByRole('dialog').getByRole('button', { name: 'Undo' }).click();
    await entry.getByText('undone').waitFor();

    expect(stage.degradation.mode('recommendations')).toBe('full');
    expect(await stage.metrics()).toContain('holdfast_feature_mode{feature="recommendations",mode="full"} 1');
  });

  it('shows what a change of options would do before it is made, and the words of the service where it is refused', async () => {
    const { page } = await enter();
    await page.getByRole('link', { name: 'prices' }).click();
    await page.getByRole('button', { name: 'Options…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/^openForMs/).fill('0');
    await dialog.getByRole('button', { name: 'Show the difference' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/openForMs must be/i)
      .waitFor();

    await dialog.getByLabel(/^openForMs/).fill('2500');
    await dialog.getByRole('button', { name: 'Show the difference' }).click();
    await dialog.getByRole('row', { name: 'openForMs 1500 2500' }).waitFor();
    expect(stage.prices.describe().options['openForMs']).toBe(1500);

    await fillDialog(page, { reason: 'probes come too often', actor: 'alice' });
    await dialog.getByRole('button', { name: 'Apply' }).click();
    await dialog.waitFor({ state: 'detached' });

    expect(stage.prices.describe().options['openForMs']).toBe(2500);
  });

  it('lets a viewer look and not act, and says why', async () => {
    const { page } = await enter(tokens.viewer);
    await page.getByRole('link', { name: 'prices' }).click();

    expect(await page.getByRole('button', { name: 'Hold…' }).isDisabled()).toBe(true);
    await page.getByText('Your token only looks: a viewer changes nothing.').waitFor();
  });

  it('takes names and reasons for text, whatever is in them', async () => {
    const { page, complaints } = await enter();
    await page.getByRole('link', { name: hostile }).click();
    await page.getByRole('button', { name: 'Hold…' }).click();
    await fillDialog(page, { reason: `<script>document.title=2</script>${hostile}`, actor: hostile });
    await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
    await page.getByText(`<script>document.title=2</script>${hostile}`).first().waitFor();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('rowheader', { name: hostile }).first().waitFor();

    expect(await page.title()).toBe('Holdfast console');
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

async function fillDialog(page: Page, { reason, actor }: { readonly reason: string; readonly actor: string }) {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill(reason);
  await dialog.getByLabel('Your name').fill(actor);
}
