/**
 * Counter member: a process of a fleet for the tests of the fleet itself.
 *
 * @module
 */

import { Redis } from 'ioredis';

import { serveFleet } from './fleet-member.ts';

/** What a counter can be asked. */
export interface CounterCommands {
  /** Adds, and returns the sum. */
  add(by: number): number;
  /** Adds to the shared count in the Redis server that it was started with, and returns that. */
  addShared(by: number): Promise<number>;
  /** Gives back what it gets, whatever type that has. */
  echo(value: unknown): unknown;
  fail(): never;
  /** Ends the process in the middle of the command. */
  crash(): Promise<never>;
  /** Prints a line. */
  say(text: string): void;
  tell(value: unknown): void;
}

/** What a counter is started with. */
export interface CounterSettings {
  readonly from: number;
  readonly redisPort: number;
}

serveFleet<CounterCommands, CounterSettings>(({ index, settings: { from, redisPort }, tell }) => {
  let count = from;
  const redis = new Redis({ port: redisPort, lazyConnect: true });
  if (process.env['COUNTER_FAILS'] === String(index)) throw new Error('told to fail at the start');
  return {
    add: (by) => (count += by),
    addShared: (by) => redis.incrby('shared', by),
    echo: (value) => value,
    fail() {
      throw new TypeError('as asked');
    },
    async crash() {
      console.log('crashing');
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
      return process.exit(7);
    },
    say: (text) => console.log(text),
    tell: (value) => tell('told', value),
  };
});
