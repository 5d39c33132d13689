/**
 * Take pictures: `npm run console:pictures` takes the pictures of the documentation anew, of the console of the storefront in the
 * middle of its story. It is no part of the check: no two runs give the same bytes.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Browser } from 'playwright-core';

import { commandLineOf } from '../check/command-line.ts';
import { inRepository } from '../repository.ts';
import { printedValue, startStorefront } from '../storefront/storefront-process.ts';
import { signIn, startBrowser } from './visitor.ts';

const folder = inRepository('docs/packages/images');
const pictures = {
  circuits: 'circuits/price',
  features: 'features/price',
  pipelines: 'pipelines',
  audit: 'audit',
};
const maxBytes = 150_000;

commandLineOf({
  command: 'npm run console:pictures --',
  purpose: 'Takes the pictures of the console that the documentation shows: in two minutes, with Chromium.',
  flags: {},
  examples: ['npm run console:pictures'],
});
execFileSync(process.execPath, ['--import', 'tsx', inRepository('packages/console/page/build.ts')]);
mkdirSync(folder, { recursive: true });
const storefront = startStorefront('--shoppers', '30');
const browser = await startBrowser();
try {
  const output = await storefront.printed('t=1s');
  const [url, token] = [printedValue(output, 'admin'), printedValue(output, 'token')];
  const looking = signIn(browser, url, token); // latencies are measured while somebody looks
  await storefront.printed('t=90s'); // well into the second round

  await act(url, token);
  await looking;
  for (const theme of ['light', 'dark'] as const) await take(browser, { url, token, theme });
} finally {
  await browser.close();
  storefront.kill();
}

// --- internal ---

/** Does what an operator might do, so that there is something to see. */
async function act(url: string, token: string): Promise<void> {
  const author = { actor: 'alice', reason: 'INC-4711: prices time out' };
  const hold = { state: 'open', ...author, expiresInMs: 900_000 };
  const change = {
    mode: 'cached',
    kind: 'atLeast',
    actor: 'bob',
    reason: 'INC-4711: spare it',
    expiresInMs: 1_800_000,
  };
  const options = { changes: { timeoutMs: 120 }, actor: 'alice', reason: 'product is slower today' };
  for (const [method, path, body] of [
    ['PUT', 'features/price', change],
    ['PATCH', `policies/${encodeURIComponent('timeout/product')}`, options],
    ['PUT', 'circuits/price/hold', hold],
  ] as const) {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const response = await fetch(`${url}/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }
}

interface Scene {
  readonly url: string;
  readonly token: string;
  readonly theme: 'light' | 'dark';
}

async function take(opened: Browser, { url, token, theme }: Scene): Promise<void> {
  const { page } = await signIn(opened, url, token, { colorScheme: theme, viewport: { width: 1280, height: 720 } });
  for (const [name, place] of Object.entries(pictures)) {
    await page.evaluate((to) => (location.hash = `#/${to}`), place);
    await sleep(1500);
    const path = `${folder}/console-${name}-${theme}.png`;
    await page.screenshot({ path });
    const { size } = statSync(path);
    console.log(`${path} ${size}`);
    if (size > maxBytes) throw new Error(`${path} has ${size} bytes, more than ${maxBytes}`);
  }
  await page.context().close();
}
