/**
 * Measures what sharing circuits costs and does: `npm run bench:fleet -- [--quick] [--json FILE] [--only NAME,...]`.
 *
 * All of it is on this machine, the server included, in one run. The table goes to stdout, progress to stderr.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';

import { commandLineOf, namesFlag, presence, textFlag } from '../../check/command-line.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { describeEnvironment } from '../report.ts';
import { countCallsToOpen } from './calls-to-open.ts';
import { measureExecuteRatio } from './execute-ratio.ts';
import { type FleetResults, toText } from './fleet-report.ts';
import { measureScriptRate } from './script-rate.ts';
import { measureTripMs } from './trip-time.ts';

const parts = ['trip', 'scripts', 'execute', 'open'] as const;

const { values: options } = commandLineOf({
  command: 'npm run bench:fleet --',
  purpose: 'Measures what sharing circuits through Redis costs and does, on a redis-server of its own, and prints it.',
  flags: {
    quick: presence('fewer trips and shorter rounds, to see that it runs'),
    json: textFlag('FILE', 'also writes the results to a file'),
    only: namesFlag('some parts; all of them without it', parts),
  },
  examples: ['npm run bench:fleet -- --quick', 'npm run bench:fleet -- --only=trip --json=fleet.json'],
});

const full = { trips: 100, polled: 30, seconds: 20, effort: { rounds: 31, batchMs: 20, warmUpMs: 300 } };
const quick = { trips: 20, polled: 8, seconds: 8, effort: { rounds: 9, batchMs: 8, warmUpMs: 100 } };
const size = options.quick ? quick : full;
const wanted = new Set<string>(options.only ?? parts);

const results: FleetResults = {
  environment: describeEnvironment(),
  ...(wanted.has('trip') && {
    tripMs: await onServer('trips', trip),
    polledTripMs: await onServer('trips, polled', polled),
  }),
  ...(wanted.has('scripts') && {
    scriptsPerSecond: await onServer('scripts', (server) => measureScriptRate(server, size.seconds)),
  }),
  ...(wanted.has('execute') && {
    executeRatio: await onServer('execute', (server) => measureExecuteRatio(server, size.effort)),
  }),
  ...(wanted.has('open') && {
    callsToOpenFleet: await onServer('calls to open', (server) => countCallsToOpen(server, 'window')),
    callsToOpenByVotes: await onServer('calls to open, by votes', (server) => countCallsToOpen(server, 'ruling')),
  }),
};

process.stdout.write(toText(results));
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);

// --- internal ---

function trip(server: RedisServer) {
  return measureTripMs(server, { trips: size.trips });
}

/** A user who may not subscribe hears nothing, and polls four times a second. */
async function polled(server: RedisServer) {
  await server.admin.acl('SETUSER', 'deaf', 'on', '>bench', '~*', '&*', '+@all', '-subscribe', '-ssubscribe');
  return measureTripMs(server, { trips: size.polled, user: 'deaf' });
}

async function onServer<T>(what: string, measure: (server: RedisServer) => Promise<T>): Promise<T> {
  process.stderr.write(`${what}\n`);
  await using server = await startRedisServer();
  return await measure(server);
}
