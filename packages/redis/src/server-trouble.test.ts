import { describe, expect, it } from 'vitest';

import { isMoved, isUnknownCommand, troubleOf } from './server-trouble.ts';

const away = [
  "READONLY You can't write against a read only replica.",
  'ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can not write',
  'LOADING Redis is loading the dataset in memory',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'CLUSTERDOWN The cluster is down',
  'NOREPLICAS Not enough good replicas to write.',
  "OOM command not allowed when used memory > 'maxmemory'.",
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MOVED 3999 127.0.0.1:6381',
  'Too many Cluster redirections. Last error: MOVED 3999 127.0.0.1:6381',
  'Connection is closed.',
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Cluster isn't ready and enableOfflineQueue options is false",
  'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
  'ERR max number of clients reached',
];

const denied = [
  "NOPERM this user has no permissions to run the 'evalsha' command",
  'WRONGPASS invalid username-password pair or user is disabled.',
  'NOAUTH Authentication required.',
  'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
  'ERR Error running script (call to f_1): @user_script:1: -MISCONF Redis is configured to save RDB snapshots',
  "ERR The user executing the script can't run this command or subcommand script: 0831, on @user_script:1.",
  "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: d5",
];

describe('troubleOf', () => {
  it.each(away)('(1) calls the server away: %s', (message) => {
    expect(troubleOf(new Error(message))).toBe('away');
  });

  it.each(denied)('(1) calls us denied: %s', (message) => {
    expect(troubleOf(new Error(message))).toBe('denied');
  });

  it('takes errors of the system for an absent server', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { syscall: 'connect' });

    expect(troubleOf(refused)).toBe('away');
  });

  it('tells the client giving up from all else, and survives what is no error', () => {
    expect(troubleOf(new Error('Command timed out'))).toBe('timeout');
    expect(troubleOf(new Error('ERR wrong number of arguments'))).toBe('failed');
    expect(troubleOf(undefined)).toBe('failed');
    expect(troubleOf('READONLY')).toBe('away');
  });
});

describe('isUnknownCommand, isMoved', () => {
  it('know the words of all versions', () => {
    expect(isUnknownCommand(new Error("ERR unknown command 'SSUBSCRIBE', with args beginning with: "))).toBe(true);
    expect(isUnknownCommand(new Error("ERR Unknown command 'ssubscribe'"))).toBe(true);
    expect(isMoved(new Error('MOVED 3999 127.0.0.1:6381'))).toBe(true);
    expect(isMoved(new Error('NOPERM'))).toBe(false);
  });
});
