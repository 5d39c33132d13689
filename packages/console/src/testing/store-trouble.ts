/**
 * Store trouble: the error of a store that cannot be asked, as that of `@holdfast/redis` has it.
 *
 * @module
 */

import { RejectionError } from '@holdfast/core';

/** A store could not be asked. */
export class StoreTroubleError extends RejectionError {
  readonly code = 'STORE_UNAVAILABLE';
  readonly trouble: string;

  constructor(trouble: string) {
    super(`the server is ${trouble}`);
    this.trouble = trouble;
  }
}
