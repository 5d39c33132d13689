/**
 * Once store: the record of a key on the server, and what can be done to it.
 *
 * Invariants
 *  (1) A method settles within `3 * commandTimeoutMs`, or so, with what the server said or a `StoreUnavailableError`.
 *  (2) A method that got no answer is tried once more; all that it asks for may be done twice.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import { linkReady } from '../link-ready.ts';
import { type LuaScript, StoreUnavailableError, luaScript } from '../lua-script.ts';
import { onceClaimLua, onceFinishLua, onceRenewLua } from '../lua-sources.ts';
import { type KeyPlace, keyBase } from '../redis-key.ts';
import type { ScriptLink } from '../script-link.ts';
import { type Claim, type Finish, type Written, readClaim, readFinish } from './once-record.ts';

/** What a store is made of. */
export interface OnceStoreParts extends KeyPlace {
  readonly link: ScriptLink;
  readonly clock: Clock;
  readonly commandTimeoutMs: number;
  readonly leaseMs: number;
  /** Life of a record that has come to its end. */
  readonly resultTtlMs: number;
}

/** Records of keys. */
export class OnceStore {
  private readonly parts: OnceStoreParts;
  private readonly claimScript: LuaScript = luaScript('once-claim', onceClaimLua);
  private readonly renewScript: LuaScript = luaScript('once-renew', onceRenewLua);
  private readonly finishScript: LuaScript = luaScript('once-finish', onceFinishLua);

  constructor(parts: OnceStoreParts) {
    this.parts = parts;
  }

  /** Takes the lease of `key`, or tells what has become of it. */
  async claim(key: string, holder: string): Promise<Claim> {
    const args = [holder, this.parts.leaseMs, this.pendingTtlMs];
    return this.asked(
      () => this.run(this.claimScript, key, args),
      (reply) => readClaim(key, reply),
    );
  }

  /** Prolongs the lease of `token`. Returns whether it has it. */
  async renew(key: string, token: string): Promise<boolean> {
    return (await this.run(this.renewScript, key, [token, this.parts.leaseMs, this.pendingTtlMs])) === 1;
  }

  /** Records what the try with `token` has come to. */
  async finish(key: string, token: string, { outcome, text }: Written): Promise<Finish> {
    const args = [token, outcome, text, this.parts.resultTtlMs];
    return this.asked(
      () => this.run(this.finishScript, key, args),
      (reply) => readFinish(key, reply),
    );
  }

  // --- internal ---

  /** The record of a job that runs outlives its lease, so that the next try has a higher token. */
  private get pendingTtlMs(): number {
    return Math.max(this.parts.resultTtlMs, 2 * this.parts.leaseMs);
  }

  private run(script: LuaScript, key: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.parts.link.run(script, { keys: [keyBase(this.parts, 'once', key)], args });
  }

  private async asked<T>(ask: () => Promise<unknown>, read: (reply: unknown) => T): Promise<T> {
    const { link, clock, commandTimeoutMs } = this.parts;
    await linkReady(link, clock, commandTimeoutMs); // (1)
    const reply = await ask().catch(ask); // (2)
    try {
      return read(reply);
    } catch (error) {
      throw new StoreUnavailableError('the record cannot be read', { cause: error });
    }
  }
}
