/**
 * The packed core in a browser: bundled, with nothing of Node.js, in a headless Chromium.
 *
 * @module
 */

import { describe, expect, inject, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { bundle } from '../packaging/bundle.ts';
import { chromiumProgram, runInBrowser } from './browser.ts';
import { checks } from './every-policy.ts';

const { application } = inject('packed');
const program = chromiumProgram();
const why = 'a headless Chromium could not be downloaded';

const source = `
  import * as core from '@holdfast/core';
  import { checks, failuresOf } from '${inRepository('test/runtimes/every-policy.ts')}';
  const native = new AbortController();
  const context = core.Context.from(native.signal);
  const isOwn = context.signal === native.signal;
  native.abort(new DOMException('late', 'TimeoutError'));
  report({
    failures: await failuresOf(core),
    checkCount: Object.keys(checks).length,
    isOwn,
    endedBy: context.endedBy,
    hasProcess: typeof process !== 'undefined',
  });`;

describe('core in a headless Chromium', () => {
  it('charter Q2, Q3: does everything that it does in Node.js, and leaves nothing unhandled', async ({ skip }) => {
    const browser = program ?? skip(why);
    const { code } = await bundle(source, application);

    const result = await runInBrowser(browser, code);

    expect(result).toEqual({
      failures: [],
      complaints: [],
      checkCount: Object.keys(checks).length,
      isOwn: true,
      endedBy: 'deadline',
      hasProcess: false,
    });
  });

  it('charter Q3: is given nothing of Node.js, whether or not there is a browser', async () => {
    const { code } = await bundle(source, application);

    expect(code).not.toMatch(/["'`]node:/);
    expect(code.length).toBeGreaterThan(50_000); // all of core is in it
  });

  it('reports what goes wrong on the page', async ({ skip }) => {
    const browser = program ?? skip(why);
    const { code } = await bundle(
      `void Promise.reject(new Error('nobody looks')); report({ failures: [] });`,
      application,
    );

    await expect(runInBrowser(browser, code)).resolves.toEqual({
      failures: [],
      complaints: ['unhandled rejection: Error: nobody looks'],
    });
  });
});
