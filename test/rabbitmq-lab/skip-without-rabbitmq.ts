/**
 * Skip without RabbitMQ: on a machine where none can be had, tests that need one are skipped, and say why.
 *
 * @module
 */

import { beforeEach, inject } from 'vitest';

/** Whether there is a RabbitMQ. */
export function hasRabbitmq(): boolean {
  return inject('noRabbitmq') === '';
}

/** Skips the tests of a file, or of the group in which it is called, where there is none. */
export function skipWithoutRabbitmq(): void {
  beforeEach(({ skip }) => {
    skip(!hasRabbitmq(), inject('noRabbitmq'));
  });
}
