/**
 * Brownout: a shop gets more than it can serve for two seconds, leaves out what is optional, user by user, and comes back.
 *
 * @module
 */

import { virtualClock } from '@holdfast/core/testing';
import { createBrownout, runBrownout } from '@holdfast/degradation';

const clock = virtualClock();
const users = Array.from({ length: 1000 }, (_each, index) => `user-${index}`);
let refused = 0.03; // of 100 requests, three are refused

const brownout = createBrownout();
const runner = runBrownout(brownout, { clock, read: () => ({ shedRatio: refused }) });

function show(): void {
  const further = users.filter((user) => brownout.levelFor(user) > 0).length / users.length;
  const { level, decision, worst } = brownout.explain();
  console.log(
    `${clock.now() / 1000} s: level ${level.toFixed(2)} (${decision}), ${Math.round(further * 100)} % of the users;`,
    `${worst?.signal} ${worst?.value}, pressure ${worst?.pressure.toFixed(2)}`,
  );
}

for (const seconds of [0.5, 1, 2]) {
  await clock.advanceTo(seconds * 1000);
  show();
}
refused = 0;
for (const seconds of [5, 12, 16, 23]) {
  await clock.advanceTo(seconds * 1000);
  show();
}
runner.stop();

// Output:
// 0.5 s: level 0.36 (raised), 35 % of the users; shedRatio 0.03, pressure 0.59
// 1 s: level 0.71 (raised), 71 % of the users; shedRatio 0.03, pressure 0.59
// 2 s: level 1.00 (waiting), 100 % of the users; shedRatio 0.03, pressure 0.59
// 5 s: level 1.00 (waiting), 100 % of the users; shedRatio 0, pressure 0.00
// 12 s: level 0.90 (lowered), 90 % of the users; shedRatio 0, pressure 0.00
// 16 s: level 0.50 (lowered), 50 % of the users; shedRatio 0, pressure 0.00
// 23 s: level 0.00 (held), 0 % of the users; shedRatio 0, pressure 0.00
