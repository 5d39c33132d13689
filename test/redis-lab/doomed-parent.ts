/**
 * Doomed parent: starts a server, a stopped server, a stopped sleeper and a fleet, prints their process ids, and waits to be killed.
 *
 * @module
 */

import { eventually } from './eventually.ts';
import type { CounterCommands } from './counter-member.ts';
import { startFleet } from './fleet.ts';
import { startRedisServer } from './redis-server.ts';
import { spawnTied } from './tied-process.ts';

const running = await startRedisServer();
const paused = await startRedisServer();
paused.pause();
const sleeper = spawnTied('sh', ['-c', 'echo up; exec sleep 600']);
await eventually(() => sleeper.output() !== '', { what: 'the sleeper' });
sleeper.signal('SIGSTOP');
const fleet = await startFleet<CounterCommands>({
  module: new URL('counter-member.ts', import.meta.url),
  count: 2,
  settings: () => ({ from: 0, redisPort: running.port }),
});
fleet.member(1).pause();
const pids = [running, paused, sleeper, ...fleet.members].map(({ pid }) => pid);
process.stdout.write(`pids ${pids.join(' ')}\n`);
setInterval(() => {}, 60_000);
