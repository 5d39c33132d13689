/**
 * Lua script: a script that runs on the server, sent by its hash, and by its text only where the server does not know it.
 *
 *   EVALSHA ─┬─► reply
 *            └─► NOSCRIPT (a new server, a failover, SCRIPT FLUSH) ─► EVAL ─► reply
 *
 * Invariants
 *  (1) `run` settles within `timeoutMs`, whatever the connection does; it rejects with {@link StoreUnavailableError} where
 *      there is no reply by then, or the connection or the server cannot serve.
 *  (2) A script whose reply was lost may have run, and may run later still: scripts must be safe as ghosts.
 *  (3) A script is sent at most twice, the second time only after the server has said that it ran nothing, and both only while
 *      somebody waits for the reply.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { type Clock, RejectionError, type ResilienceErrorDetails, nameErrorClass, messageOf } from '@holdfast/core';

import { connecting } from './cluster-node.ts';
import type { OwnConnection } from './redis-client.ts';
import { type StoreTrouble, troubleOf } from './server-trouble.ts';

/** A script's text, and the hash that the server knows it by. */
export interface LuaScript {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

/** One run of a script. All keys must belong to one hash slot. */
export interface ScriptRun {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  /** Time after which the reply counts as lost. Milliseconds, above 0. */
  readonly timeoutMs: number;
}

/**
 * The shared store could not be asked, or did not answer in time. What it would have answered is not known. A call that gets
 * this did not run its operation.
 */
export class StoreUnavailableError extends RejectionError {
  readonly code = 'STORE_UNAVAILABLE';
  /** What kept the store from answering. */
  readonly trouble: StoreTrouble;

  constructor(message: string, details: ResilienceErrorDetails & { readonly trouble?: StoreTrouble } = {}) {
    super(message, details);
    this.trouble = details.trouble ?? 'away';
  }
}

nameErrorClass(StoreUnavailableError, 'StoreUnavailableError');

/** What kept a request from being served, by whatever it was rejected with. */
export function troubleBehind(error: unknown): StoreTrouble {
  return error instanceof StoreUnavailableError ? error.trouble : troubleOf(error);
}

/** Makes a script of its text. */
export function luaScript(name: string, text: string): LuaScript {
  return Object.freeze({ name, text, sha: createHash('sha1').update(text).digest('hex') });
}

/**
 * Runs a script.
 *
 * @throws StoreUnavailableError when there is no reply in time, or the connection or the server cannot serve.
 */
export async function runScript(
  connection: OwnConnection,
  script: LuaScript,
  run: ScriptRun,
  clock: Clock,
): Promise<unknown> {
  if (connection.status !== 'ready') throw unavailable(script, `the connection is ${connection.status}`);
  const rest = [...run.keys, ...run.args.map(String)];
  const byHash = async (): Promise<unknown> => connection.evalsha(script.sha, run.keys.length, ...rest);
  const byText = async (): Promise<unknown> => connection.eval(script.text, run.keys.length, ...rest);
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = clock.setTimer(() => {
      isOver = true;
      reject(unavailable(script, `no reply within ${run.timeoutMs} ms`, { trouble: 'timeout' })); // (1)
    }, run.timeoutMs);
    timer.unref();
    const send = async (): Promise<unknown> => {
      await connecting(connection, run.keys[0]);
      if (isOver) return undefined; // (3)
      return byHash().catch((error: unknown) => {
        if (isOver || !isNoScript(error)) throw error;
        return byText(); // (3)
      });
    };
    void send()
      .then(resolve, (error: unknown) =>
        reject(unavailable(script, messageOf(error), { cause: error, trouble: troubleOf(error) })),
      )
      .finally(() => timer.cancel());
  });
}

// --- internal ---

function unavailable(
  { name }: LuaScript,
  why: string,
  details: { readonly cause?: unknown; readonly trouble?: StoreTrouble } = {},
): StoreUnavailableError {
  return new StoreUnavailableError(`the script ${name} was not answered: ${why}`, details);
}

function isNoScript(error: unknown): boolean {
  return messageOf(error).includes('NOSCRIPT');
}
