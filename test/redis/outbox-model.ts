/**
 * Outbox model: what the scripts of an outbox do, over the outbox in memory, for tests on virtual time.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';
import { type Outbox, type OutboxEntry, memoryOutbox } from '@holdfast/degradation';

import { type LuaScript, StoreUnavailableError } from '../../packages/redis/src/lua-script.ts';
import type { ScriptInput, ScriptLink } from '../../packages/redis/src/script-link.ts';

/** A server of the model's own, with one outbox. */
export class OutboxServer {
  /** What is sent, in order. */
  readonly ran: (readonly [name: string, ...args: (string | number)[]])[] = [];
  #made: Outbox<string> | undefined;
  readonly #clock: Clock;
  readonly #held = new Map<string, OutboxEntry<string>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get #outbox(): Outbox<string> {
    this.#made ??= memoryOutbox({ maxItems: 1000, clock: this.#clock });
    return this.#made;
  }

  async run({ name }: LuaScript, { args }: ScriptInput): Promise<unknown> {
    this.ran.push([name, ...args]);
    const [first = '', second = '', third = ''] = args.map(String);
    if (name === 'outbox-add') return this.#add(first, second, Number(third));
    if (name === 'outbox-take') return this.#take(first, Number(second), Number(third));
    if (name === 'outbox-settle') return this.#settle(first, second);
    if (name === 'outbox-look') return this.#look(Number(first));
    if (name === 'outbox-raise')
      return Number(await (second === 'revive' ? this.#outbox.revive(first) : this.#outbox.discard(first)));
    return this.#giveBack(name, second, third);
  }

  #add(key: string, text: string, maxItems: number): Promise<string> {
    this.#made ??= memoryOutbox({ maxItems, clock: this.#clock }); // all processes have the same bound
    return this.#outbox.add(key, text);
  }

  async #take(taker: string, leaseMs: number, gapMs: number): Promise<unknown> {
    const own = this.#held.get(taker);
    const { entry = own, waitMs } = own === undefined ? await this.#outbox.take({ leaseMs, gapMs }) : { waitMs: 0 };
    if (entry === undefined) return waitMs === Infinity ? ['none'] : ['wait', waitMs];
    for (const [other, { key }] of this.#held) if (key === entry.key) this.#held.delete(other);
    this.#held.set(taker, entry);
    const { key, attempt, item, receipt, unendedCount, ageMs } = entry;
    return ['entry', receipt, key, attempt, item, receipt, unendedCount, String(Math.floor(ageMs))];
  }

  async #settle(key: string, generation: string): Promise<number> {
    await this.#outbox.settle({ key, item: '', attempt: 0, unendedCount: 0, ageMs: 0, receipt: generation });
    for (const [taker, entry] of this.#held) if (entry.key === key) this.#held.delete(taker);
    return 1;
  }

  async #giveBack(name: string, taker: string, argument: string): Promise<number> {
    const entry = this.#held.get(taker);
    if (entry === undefined) return 0;
    this.#held.delete(taker);
    if (name === 'outbox-postpone') await this.#outbox.postpone(entry, Number(argument));
    else await this.#outbox.bury(entry, argument);
    return 1;
  }

  async #look(maxCount: number): Promise<unknown> {
    const { waiting, taken, dead } = await this.#outbox.count();
    const rows = maxCount === 0 ? [] : await this.#outbox.dead(maxCount);
    const shown = rows.map(({ key, attempt, why, item }) => [key, String(attempt), why, item]);
    const ageMs = (await this.#outbox.firstAgeMs?.()) ?? -1;
    const settings = 'maxmemory_policy:noeviction\r\naof_enabled:0\r\n';
    return [waiting + taken, taken, dead, shown, settings, String(Math.floor(ageMs))];
  }
}

/** A link to an {@link OutboxServer}, as one process has it. */
export class OutboxLink implements ScriptLink {
  isReady = true;
  isClosed = false;
  /** What becomes of a script: it is answered; it runs and its reply is lost; it never arrives. */
  fate: () => 'answered' | 'unheard' | 'lost' = () => 'answered';
  private readonly server: OutboxServer;
  private readonly clock: Clock;

  constructor(server: OutboxServer, clock: Clock) {
    this.server = server;
    this.clock = clock;
  }

  async run(script: LuaScript, input: ScriptInput): Promise<unknown> {
    const fate = this.fate();
    const reply = fate === 'lost' ? undefined : await this.server.run(script, input);
    if (fate === 'answered') return reply;
    await new Promise<void>((resolve) => this.clock.setTimer(resolve, 500));
    throw new StoreUnavailableError('no reply');
  }

  onReady(): () => void {
    return () => {};
  }

  health() {
    return { status: 'ready', answered: 0, failed: 0, latencyMs: undefined, lastFailure: undefined };
  }

  close(): void {
    this.isClosed = true;
  }
}
