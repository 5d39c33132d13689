/**
 * The core that is tested: this repository's, or the copy that `DIFFERENTIAL_CORE` names (the path of its `index.ts`).
 *
 * @module
 */

import { type Core } from './engine-side.ts';

/** Imports the core that is to be tested. */
export async function coreUnderTest(): Promise<Core> {
  return (await import(process.env['DIFFERENTIAL_CORE'] ?? '@holdfast/core')) as Core;
}
