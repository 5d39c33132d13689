/**
 * Skip long: leaves out, under mutation, the tests whose titles promise so many repetitions that they would take most of
 * the time, and that ask about memory rather than about behaviour.
 *
 * @module
 */

import { beforeEach } from 'vitest';

const long = /1[ ,]000[ ,]000|retains nothing of 100[ ,]000/;

beforeEach(({ task, skip }) => {
  if (long.test(task.name)) skip('too long under mutation');
});
