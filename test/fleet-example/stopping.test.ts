/**
 * How the fleet stops, how it uses a Redis that is there already, and how it refuses to start.
 *
 * @module
 */

import { afterEach, describe, expect, it } from 'vitest';

import { startRedisServer } from '../redis-lab/redis-server.ts';
import { type FleetProcess, figure, npmRunFleet, startFleetProgram } from './fleet-process.ts';

const short = ['--processes', '3', '--for', '30s'];

let fleet: FleetProcess;
afterEach(() => fleet.kill());

describe('npm run fleet', () => {
  it('ends everything, sums up and exits with 0 when the terminal interrupts it', async () => {
    fleet = npmRunFleet(short);
    await fleet.printed('all open');

    process.kill(-(fleet.child.pid ?? 0), 'SIGINT');

    expect(await fleet.ended).toEqual({ code: 0, signal: null });
    expect(fleet.output()).toContain('trip.first_to_last_ms');
    expect(fleet.output()).toContain('not seen');
    expect(fleet.errors()).toBe('');
    await expect.poll(() => fleet.left()).toEqual([]);
  });

  it('does so when only npm gets a SIGTERM, also while it starts', async () => {
    fleet = npmRunFleet(short);
    await fleet.printed('redis ');

    fleet.child.kill('SIGTERM');

    expect(await fleet.ended).toEqual({ code: 0, signal: null });
    await expect.poll(() => fleet.left()).toEqual([]);
  });
});

describe('fleet', () => {
  it('leaves no process behind when it is killed', async () => {
    fleet = startFleetProgram(short);
    await fleet.printed('3 processes share one circuit');

    fleet.child.kill('SIGKILL');

    expect(await fleet.ended).toEqual({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => fleet.left()).toEqual([]);
  });

  it('fails, and says so, when a process of it dies', async () => {
    fleet = startFleetProgram(short);
    await fleet.printed('3 processes share one circuit');
    const pids = fleet.memberPids();

    process.kill(pids[0] ?? 0, 'SIGKILL');
    await fleet.printed('act 2');
    fleet.child.kill('SIGINT');

    expect(await fleet.ended).toEqual({ code: 1, signal: null });
    expect(figure(fleet.output(), 'run.processes_died')).toBe(1);
    expect(fleet.output()).toContain('BROKEN');
  });

  it('uses the Redis of REDIS_URL, kills it not, and leaves only keys that expire', async () => {
    await using redis = await startRedisServer();
    fleet = startFleetProgram(short, { REDIS_URL: `redis://127.0.0.1:${redis.port}` });
    await fleet.printed('act 2, trip');
    await fleet.printed('all open');
    const acts = fleet.output();
    fleet.child.kill('SIGINT');

    expect(await fleet.ended).toEqual({ code: 0, signal: null });
    expect(acts).toContain('the acts that kill it are left out');
    const keys = await redis.admin.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(await redis.admin.pttl(key)).toBeGreaterThan(0);
  });

  it('exits with 1 and says why where the server program is none', async () => {
    fleet = startFleetProgram([], { REDIS_SERVER_BIN: '/nonexistent/redis-server' });

    expect(await fleet.ended).toEqual({ code: 1, signal: null });
    expect(fleet.errors()).toContain('REDIS_SERVER_BIN is "/nonexistent/redis-server"');
  });

  it.for([
    [['--for', '3s'], '--for must be a duration from 30s to 1h'],
    [['--processes', '2'], '--processes must be an integer from 3 to 32, got "2"'],
    [['--bogus'], "Unknown option '--bogus'"],
  ] as const)('exits with 2 and says what is wrong with %s', async ([args, message]) => {
    fleet = startFleetProgram(args);

    expect(await fleet.ended).toEqual({ code: 2, signal: null });
    expect(fleet.errors()).toContain(message);
    expect(fleet.output()).toBe('');
  });

  it('says how it is used', async () => {
    fleet = startFleetProgram(['--help']);

    expect(await fleet.ended).toEqual({ code: 0, signal: null });
    expect(fleet.output()).toContain('Usage: npm run fleet');
  });
});
