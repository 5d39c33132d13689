/**
 * Channel life: how long a channel lasts, why it ended, and whether its connection is blocked. One per channel, shared by all
 * consumers and publishers on it, and one watch per connection, so that a hundred channels add no hundred listeners to it.
 *
 *   open ── the channel or its connection closes, or fails ─► closed
 *
 * Invariants
 *  (1) `onClose` tells each listener once, with an error that names what closed the channel, also one that comes later.
 *  (2) `settle` never throws: what comes after the end is void, and counted by whoever asked.
 *
 * @module
 */

import type { AmqpChannel, AmqpConnection } from './amqp-channel.ts';
import { ChannelClosedError } from './rabbitmq-error.ts';

/** The life of one channel. */
export interface ChannelLife {
  /** Why the channel is closed; undefined while it is open. */
  readonly end: ChannelClosedError | undefined;
  /** Whether the broker takes nothing from this connection at the moment. */
  readonly isBlocked: boolean;
  /** Calls `listener` when the channel closes; at once if it has. Returns what ends that. */
  onClose(listener: (end: ChannelClosedError) => void): () => void;
  /** Calls `listener` whenever messages can be sent again: the buffer has drained, or the connection is unblocked. */
  onRoom(listener: () => void): () => void;
  /** Acks or nacks, if the channel is open. Returns whether it was. */
  settle(act: () => void): boolean;
}

/** Returns the life of `channel`, from when it is first asked for. */
export function lifeOf(channel: AmqpChannel): ChannelLife {
  const known = lives.get(channel);
  if (known !== undefined) return known;
  const life = new WatchedChannel(channel, watchOf(channel.connection));
  lives.set(channel, life);
  return life;
}

// --- internal ---

const lives = new WeakMap<object, WatchedChannel>();
const watches = new WeakMap<object, ConnectionWatch>();

function watchOf(connection: object): ConnectionWatch {
  const watch = watches.get(connection) ?? new ConnectionWatch(connection);
  watches.set(connection, watch);
  return watch;
}

class ConnectionWatch {
  /** What the connection failed with. */
  error: unknown;
  isBlocked: boolean;
  readonly roomListeners = new Set<() => void>();

  constructor(connection: AmqpConnection) {
    this.isBlocked = connection.blocked === true;
    connection.on?.('error', (error: unknown) => (this.error = error));
    connection.on?.('blocked', () => (this.isBlocked = true));
    connection.on?.('unblocked', () => {
      this.isBlocked = false;
      for (const listener of this.roomListeners) listener();
    });
  }
}

class WatchedChannel implements ChannelLife {
  end: ChannelClosedError | undefined = undefined;
  readonly #connection: ConnectionWatch;
  readonly #closeListeners = new Set<(end: ChannelClosedError) => void>();
  readonly #roomListeners = new Set<() => void>();
  #error: unknown;

  constructor(channel: AmqpChannel, connection: ConnectionWatch) {
    this.#connection = connection;
    const tellRoom = (): void => {
      for (const listener of this.#roomListeners) listener();
    };
    connection.roomListeners.add(tellRoom);
    channel.on('drain', tellRoom);
    channel.on('error', (error: unknown) => (this.#error = error));
    channel.on('close', () => {
      connection.roomListeners.delete(tellRoom);
      this.#close();
    });
  }

  get isBlocked(): boolean {
    return this.#connection.isBlocked;
  }

  onClose(listener: (end: ChannelClosedError) => void): () => void {
    if (this.end !== undefined) listener(this.end); // (1)
    else this.#closeListeners.add(listener);
    return () => void this.#closeListeners.delete(listener);
  }

  onRoom(listener: () => void): () => void {
    this.#roomListeners.add(listener);
    return () => void this.#roomListeners.delete(listener);
  }

  settle(act: () => void): boolean {
    if (this.end !== undefined) return false;
    try {
      act();
      return true;
    } catch {
      return false; // (2): the channel is closing, which amqplib tells by throwing
    }
  }

  // --- internal ---

  #close(): void {
    if (this.end !== undefined) return;
    const end = new ChannelClosedError(this.#error ?? this.#connection.error);
    this.end = end;
    const listeners = [...this.#closeListeners];
    this.#closeListeners.clear();
    for (const listener of listeners) listener(end);
  }
}
