/**
 * Connection revival: connects again where the client has given up a connection that nobody has ended.
 *
 * Behind Sentinels ioredis ends a connection for good when it is told of a new master in the moment in which it asks for the
 * old one: `Connection is closed`, and then nothing, whatever its retry strategy says.
 *
 * Invariants
 *  (1) What was disconnected by its owner stays so.
 *  (2) No timer keeps the process alive, and none is left after that.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

import type { OwnConnection } from './redis-client.ts';

/** How a connection is brought back. */
export interface Revival {
  readonly clock: Clock;
  /** Time until it is tried again. Milliseconds. */
  readonly delayMs: () => number;
}

/** Connects again whenever a connection has ended, until its owner disconnects it. */
export function revive(connection: OwnConnection, { clock, delayMs }: Revival): void {
  const disconnect = connection.disconnect.bind(connection);
  let timer: Timer | undefined;
  let isOver = false;
  connection.disconnect = (reconnect = false) => {
    isOver ||= !reconnect;
    if (isOver) timer?.cancel(); // (2)
    disconnect(reconnect);
  };
  connection.on('end', () => {
    if (isOver) return; // (1)
    timer = clock.setTimer(() => void connection.connect().catch(() => {}), delayMs()); // it ends again, or is ready
    timer.unref(); // (2)
  });
}
