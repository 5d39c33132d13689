/**
 * How the storefront stops, and how it refuses to start.
 *
 * @module
 */

import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { type StorefrontProcess, isGroupAlive, npmStart, startStorefront } from './storefront-process.ts';

let storefront: StorefrontProcess;
afterEach(() => storefront.kill());

describe('npm start', () => {
  it('drains and exits with 0 when the terminal interrupts it', async () => {
    storefront = npmStart('--shoppers', '10');
    await storefront.printed('t=1s');

    storefront.signalGroup('SIGINT');

    expect(await storefront.ended).toEqual({ code: 0, signal: null });
    expect(storefront.output()).toContain('protected.page.availability');
    await expect.poll(() => isGroupAlive(storefront)).toBe(false);
  });

  it.for(['SIGINT', 'SIGTERM'] as const)('drains and exits with 0 when only npm gets a %s', async (signal) => {
    storefront = npmStart('--shoppers', '10');
    await storefront.printed('t=1s');

    storefront.child.kill(signal);

    expect(await storefront.ended).toEqual({ code: 0, signal: null });
    expect(storefront.output()).toContain('protected.page.availability');
    await expect.poll(() => isGroupAlive(storefront)).toBe(false);
  });
});

describe('storefront', () => {
  // A machine that is busy may have drained before the second signal: then it is tried again.
  it('exits with 130 at once when it is interrupted a second time while it drains', { retry: 2 }, async () => {
    storefront = startStorefront('--for', '10s');
    await storefront.printed('act=dead'); // shoppers of the twin hang: draining takes a while

    storefront.signalGroup('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300)); // what comes at once may be the same signal
    storefront.signalGroup('SIGINT');

    expect(await storefront.ended).toEqual({ code: 130, signal: null });
    await expect.poll(() => isGroupAlive(storefront)).toBe(false);
  });

  it.for([
    [['--for', '3'], '--for must be a duration from 5s to 1h'],
    [['--shoppers', '0'], '--shoppers must be an integer from 1 to 200, got "0"'],
    [['--bogus'], "Unknown option '--bogus'"],
  ] as const)('exits with 2 and says what is wrong with %s', async ([args, message]) => {
    storefront = startStorefront(...args);

    expect(await storefront.ended).toEqual({ code: 2, signal: null });
    expect(storefront.errors()).toContain(message);
    expect(storefront.output()).toBe('');
  });

  it('exits with 1, names the port, and leaves nothing behind when the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;

    storefront = startStorefront('--metrics-port', String(port));
    const ending = await storefront.ended;
    other.close();

    expect(ending).toEqual({ code: 1, signal: null });
    expect(storefront.errors()).toContain(String(port));
    await expect.poll(() => isGroupAlive(storefront)).toBe(false);
  });
});
