/**
 * Noop: a pipeline whose limit is switched off in one place, and everything else stays as it is.
 *
 * @module
 */

import { bulkhead, noop, pipeline, timeout } from '@holdfast/core';

function reports(isLimited: boolean) {
  return pipeline(isLimited ? bulkhead({ name: 'reports', maxConcurrent: 1 }) : noop(), timeout(1000));
}

for (const isLimited of [true, false]) {
  const policy = reports(isLimited);
  const answers = await Promise.allSettled([policy.execute(async () => 'one'), policy.execute(async () => 'two')]);
  console.log(isLimited ? 'with the limit:' : 'without:', answers.map(({ status }) => status).join(', '));
}

// Output:
// with the limit: fulfilled, rejected
// without: fulfilled, fulfilled
