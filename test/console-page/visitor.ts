/**
 * Visitor: a headless Chromium that looks at the console. Whatever it asks of other places is refused and noted, and so is
 * whatever goes wrong on the page.
 *
 * @module
 */

import { type Browser, type BrowserContextOptions, type Page, chromium, selectors } from 'playwright-core';

import { chromiumProgram } from '../runtimes/browser.ts';

/** The path of a Chromium; undefined where none can be had, and then the tests are skipped. */
export const program: string | undefined = chromiumProgram();

/** A page, and what is noted of it. */
export interface Visit {
  readonly page: Page;
  /** Requests to other places, errors, and what the policy of the page forbade. */
  readonly complaints: readonly string[];
}

/** Starts the browser. */
export function startBrowser(): Promise<Browser> {
  selectors.setTestIdAttribute('data-test');
  const args = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'];
  return chromium.launch({ executablePath: program ?? '', args, chromiumSandbox: false });
}

/** Opens the console in a window of its own. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    ...options,
  });
  const complaints: string[] = [];
  await context.route(
    (asked) => asked.host !== new URL(url).host,
    (route) => {
      complaints.push(`asked ${route.request().url()}`);
      return route.abort();
    },
  );
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    const isExpected = /Failed to load resource|ERR_|net::/.test(message.text()); // refusals and restarts are part of the tests
    if (message.type() === 'error' && !isExpected) complaints.push(message.text());
  });
  await page.goto(`${url}/console/`);
  return { page, complaints };
}

/** Opens the console and signs in. */
export async function signIn(
  browser: Browser,
  url: string,
  token: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const visited = await visit(browser, url, options);
  await visited.page.getByLabel('Token').fill(token);
  await visited.page.getByRole('button', { name: 'Sign in' }).click();
  await visited.page.locator('tbody tr').first().waitFor();
  return visited;
}
