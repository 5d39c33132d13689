/**
 * Script link: how a part of this package runs its scripts: a connection of its own, a time limit, and what came of it all.
 *
 * Invariants
 *  (1) A run settles within `commandTimeoutMs`, with the reply or a {@link StoreUnavailableError}.
 *  (2) A link that was closed runs nothing and holds no connection.
 *
 * @module
 */

import { type Clock, type Random, messageOf } from '@holdfast/core';

import { type LuaScript, StoreUnavailableError, runScript } from './lua-script.ts';
import { ownConnection } from './own-connection.ts';
import type { OwnConnection, RedisClient } from './redis-client.ts';

/** What is sent with a script. All keys belong to one hash slot. */
export interface ScriptInput {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** What came of the scripts so far: how the store looks from here. */
export interface LinkHealth {
  /** Status of the connection, in the client's words; `closed` after close. */
  readonly status: string;
  /** Scripts that were answered. */
  readonly answered: number;
  /** Scripts that were not, or not in time. */
  readonly failed: number;
  /** Time that the last answer took. Milliseconds; undefined before the first. */
  readonly latencyMs: number | undefined;
  /** Message of the last failure; undefined where there was none since the last answer. */
  readonly lastFailure: string | undefined;
}

/** Runs scripts for one part of this package. */
export interface ScriptLink {
  /** Whether a script could be sent now. */
  readonly isReady: boolean;
  /**
   * Runs a script.
   *
   * @throws StoreUnavailableError when there is no reply in time, or the server cannot serve.
   */
  run(script: LuaScript, input: ScriptInput): Promise<unknown>;
  /** Calls `listener` whenever the connection becomes ready. Returns a function that ends it. */
  onReady(listener: () => void): () => void;
  health(): LinkHealth;
  /** Gives the connection back. */
  close(): void;
}

/** What a link is made with. */
export interface LinkSettings {
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens a link over a connection of its own, made by duplicating `client`. */
export function openLink(client: RedisClient, settings: LinkSettings): ScriptLink {
  return linkOver(ownConnection(client, { role: 'commands', ...settings }), settings);
}

/** Makes a link of a connection, which is closed with it. */
export function linkOver(
  connection: OwnConnection,
  settings: Pick<LinkSettings, 'commandTimeoutMs' | 'clock'>,
): ScriptLink {
  return new Link(connection, settings);
}

// --- internal ---

class Link implements ScriptLink {
  private readonly connection: OwnConnection;
  private readonly settings: Pick<LinkSettings, 'commandTimeoutMs' | 'clock'>;
  private isClosed = false;
  private answered = 0;
  private failed = 0;
  private latencyMs: number | undefined;
  private lastFailure: string | undefined;

  constructor(connection: OwnConnection, settings: Pick<LinkSettings, 'commandTimeoutMs' | 'clock'>) {
    this.connection = connection;
    this.settings = settings;
  }

  get isReady(): boolean {
    return !this.isClosed && this.connection.status === 'ready';
  }

  async run(script: LuaScript, input: ScriptInput): Promise<unknown> {
    if (this.isClosed) throw new StoreUnavailableError(`the script ${script.name} did not run: closed`); // (2)
    const { clock, commandTimeoutMs } = this.settings;
    const sentAt = clock.now();
    try {
      const reply = await runScript(this.connection, script, { ...input, timeoutMs: commandTimeoutMs }, clock); // (1)
      this.answered++;
      this.latencyMs = clock.now() - sentAt;
      this.lastFailure = undefined;
      return reply;
    } catch (error) {
      this.failed++;
      this.lastFailure = messageOf(error);
      throw error;
    }
  }

  onReady(listener: () => void): () => void {
    this.connection.on('ready', listener);
    return () => void this.connection.off('ready', listener);
  }

  health(): LinkHealth {
    const { isClosed, connection, answered, failed, latencyMs, lastFailure } = this;
    return { status: isClosed ? 'closed' : connection.status, answered, failed, latencyMs, lastFailure };
  }

  close(): void {
    this.isClosed = true;
    this.connection.disconnect(); // (2)
  }
}
