/**
 * Doomed parent: starts a server, a stopped server and a stopped sleeper, prints their process ids, and waits to be killed.
 *
 * @module
 */

import { eventually } from './eventually.ts';
import { startRedisServer } from './redis-server.ts';
import { spawnTied } from './tied-process.ts';

const running = await startRedisServer();
const paused = await startRedisServer();
paused.pause();
const sleeper = spawnTied('sh', ['-c', 'echo up; exec sleep 600']);
await eventually(() => sleeper.output() !== '', { what: 'the sleeper' });
sleeper.signal('SIGSTOP');
process.stdout.write(`pids ${[running.pid, paused.pid, sleeper.pid].join(' ')}\n`);
setInterval(() => {}, 60_000);
