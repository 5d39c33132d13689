/**
 * A circuit that two processes share through a real server, on the pages of both: held from one, seen and released on the other.
 *
 * @module
 */

import { redisCircuitStore } from '@holdfast/redis';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { startRedisServer } from '../redis-lab/redis-server.ts';
import { openStage, tokens } from './stage.ts';
import { program, signIn, startBrowser } from './visitor.ts';

describe.skipIf(program === undefined)('a circuit of a fleet', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  const openPanel = async (url: string): Promise<Page> => {
    const { page } = await signIn(browser, url, tokens.operator);
    onTestFinished(() => page.context().close());
    await page.getByRole('link', { name: 'prices' }).click();
    return page;
  };

  it('is held where whoever holds it says, which every page shows, and is released from another', async () => {
    const server = await startRedisServer();
    onTestFinished(() => server.stop());
    const stages = await Promise.all(
      [0, 1].map(async (index) => {
        const store = redisCircuitStore(server.connect(), { namespace: 'pages', node: `p${index}` });
        const stage = await openStage({}, store);
        onTestFinished(async () => {
          await stage.close();
          await store.close();
        });
        await store.ready(20_000);
        return stage;
      }),
    );
    const [here, there] = await Promise.all(stages.map(({ url }) => openPanel(url)));
    if (here === undefined || there === undefined) throw new Error('two pages are needed');

    await here.getByRole('button', { name: 'Hold…' }).click();
    const dialog = here.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('INC-4711');
    await dialog.getByLabel('Your name').fill('alice');
    await dialog.getByRole('button', { name: 'Hold' }).click();
    expect(await dialog.getByRole('group', { name: 'Where' }).locator('input:invalid').count()).toBe(2);
    expect(stages.map(({ prices }) => prices.state)).toEqual(['closed', 'closed']);

    await dialog.getByLabel('In the whole fleet').check();
    await dialog.getByRole('button', { name: 'Hold' }).click();
    for (const page of [here, there]) {
      await page
        .getByTestId('hold-fleet')
        .getByText(/^Held open in the whole fleet by alice, for 1[45]:\d\d more$/)
        .waitFor();
      await page
        .getByRole('row')
        .filter({ hasText: 'prices' })
        .getByText('fleet, alice')
        .waitFor({ state: 'attached' }); // a narrow table hides it
    }
    expect(stages.map(({ prices }) => prices.state)).toEqual(['forced-open', 'forced-open']);

    await there.getByRole('button', { name: 'Release fleet…' }).click();
    await there.getByRole('dialog').getByLabel('Reason').fill('over');
    await there.getByRole('dialog').getByLabel('Your name').fill('bob');
    await there.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    for (const page of [here, there]) await page.getByTestId('hold-fleet').waitFor({ state: 'detached' });
    expect(stages.map(({ prices }) => prices.snapshot().holds)).toEqual([[], []]);

    await here.getByRole('link', { name: 'Audit' }).click();
    await here.getByText('held circuit prices open in the whole fleet').waitFor();
  });
});
