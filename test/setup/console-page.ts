/**
 * Global set-up: builds the page of the console, as `npm run build` does.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';

import { inRepository } from '../repository.ts';

/** Builds it once, before the tests. */
export default function buildConsolePage(): void {
  execFileSync(process.execPath, ['--import', 'tsx', inRepository('packages/console/page/build.ts')]);
}
