/**
 * A run that ends by itself shows what its README claims, keeps its promises, and leaves nothing behind.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Ending, type FleetProcess, figure, npmRunFleet } from './fleet-process.ts';

describe('npm run fleet -- --for 30s', () => {
  let fleet: FleetProcess;
  let ending: Ending;
  let commands: string[];
  const value = (key: string): number => figure(fleet.output(), key);

  beforeAll(async () => {
    fleet = npmRunFleet(['--for', '30s']);
    await fleet.printed('act 2, trip');
    commands = fleet.left();
    ending = await fleet.ended;
  });
  afterAll(() => fleet.kill());

  it('ends with exit code 0 and nothing to complain about', () => {
    expect({ ...ending, output: fleet.output() }).toEqual({ code: 0, signal: null, output: fleet.output() });
    expect(fleet.errors()).toBe('');
    expect(fleet.output()).not.toContain('BROKEN');
  });

  it('is eight processes and a redis-server, of which none is left', async () => {
    expect(commands.filter((command) => command.includes('member.mjs'))).toHaveLength(8);
    expect(commands.filter((command) => /^\S*redis-server /.test(command))).toHaveLength(1);
    await expect.poll(() => fleet.left()).toEqual([]);
  });

  it('plays every act', () => {
    for (const act of ['healthy', 'trip', 'recovery', 'sick', 'outage', 'back', 'operator'])
      expect(fleet.output()).toMatch(new RegExp(`act \\d, ${act}: `));
  });

  it('opens all within a fraction of what the slowest would need alone', () => {
    expect(value('trip.first_to_last_ms')).toBeLessThan(value('trip.alone_ms'));
  });

  it('sends no more than three probes at once, and some', () => {
    expect(value('probes.count')).toBeGreaterThanOrEqual(1);
    expect(value('probes.at_once')).toBeLessThanOrEqual(3);
  });

  it('opens the sick process only', () => {
    expect(value('sick.itself_opened')).toBe(1);
    expect(value('sick.others_opened')).toBe(0);
  });

  it('lets no call wait while Redis is dead, and each process probe by itself', () => {
    expect(fleet.output()).toContain('redis=down');
    expect(fleet.output()).toContain('modes=local:8');
    expect(value('run.waited_calls')).toBe(0);
    expect(value('run.strange_errors')).toBe(0);
    expect(value('outage.lone_probes')).toBeGreaterThanOrEqual(8);
    expect(value('outage.lone_of_one')).toBe(1);
  });

  it('agrees again after Redis has come back empty, and no ruling goes back', () => {
    expect(value('back.agreed_ms')).toBeLessThan(6000);
    expect(value('run.setbacks')).toBe(0);
  });

  it('holds the circuit open by hand, and closes it by probes once released', () => {
    expect(fleet.output()).toContain('alice holds it open for');
    expect(value('hold.calls')).toBe(0);
    expect(value('hold.closed_ms')).toBeLessThan(6000);
  });

  it('prints plain lines where it is not on a terminal', () => {
    expect(fleet.output()).toMatch(/^t=\d+s act=healthy redis=up dependency=well circuits=closed:8 /m);
    expect(fleet.output()).not.toContain('\u001B');
  });
});
