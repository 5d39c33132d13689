/**
 * Redis level ballot: the brownout levels of a fleet, told by each process and read by all, and no sample waits for it.
 *
 *   cast ─► memory ── every exchangeMs ─► level-vote: puts ours, returns all ─► memory ─► votes
 *
 * Invariants
 *  (1) `cast` and `votes` are synchronous, from memory, and never throw.
 *  (2) A vote is as old as its cast, by the server's time, and goes on ageing here: without the server all votes grow too old.
 *  (3) A process that casts no more is gone from the ballot after `voteTtlMs`.
 *  (4) After `close` there is no connection and no timer, and there are no votes.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Random,
  type Timer,
  inRange,
  integerInRange,
  isName,
  systemClock,
  systemRandom,
  withKnown,
  steadyRandom,
} from '@holdfast/core';

import { type LuaScript, StoreUnavailableError, luaScript } from '../lua-script.ts';
import { levelVoteLua } from '../lua-sources.ts';
import { isCluster } from '../own-connection.ts';
import type { RedisClient } from '../redis-client.ts';
import { decodeId, encodeId, keyTag, requireKeyPlace } from '../redis-key.ts';
import { requireClient } from '../require-client.ts';
import { type LinkHealth, type ScriptLink, openLink } from '../script-link.ts';

/** Options of {@link redisLevelBallot}. Omitted ones take {@link redisLevelBallotDefaults}. */
export interface RedisLevelBallotOptions {
  /** Who shares: one application in one environment, as `shop-prod`. 1 to 64 letters, digits, `_ . : -`. */
  readonly namespace: string;
  /** What all keys begin with. 1 to 32 letters, digits, `_ . : -`. @defaultValue 'rb' */
  readonly prefix?: string;
  /** Name of this process in the fleet, unique among those that are alive; by default one is made up. */
  readonly node?: string;
  /** The longest time between two exchanges with the server; up to a fifth shorter. Milliseconds, 50 to 60 000. @defaultValue 1000 */
  readonly exchangeMs?: number;
  /** Age from which a vote is dropped. Milliseconds, 1 000 to 600 000, at least twice `exchangeMs`. @defaultValue 10_000 */
  readonly voteTtlMs?: number;
  /** Time after which a request counts as lost. Milliseconds, 10 to 10 000; by default 200, and 1 000 in a Cluster. */
  readonly commandTimeoutMs?: number;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
  /** Source of randomness; by default the platform's. */
  readonly random?: Random;
}

/** Every default of {@link redisLevelBallot}, in one place. */
export const redisLevelBallotDefaults: Readonly<
  Required<Omit<RedisLevelBallotOptions, 'namespace' | 'node' | 'commandTimeoutMs'>>
> = Object.freeze({
  prefix: 'rb',
  exchangeMs: 1000,
  voteTtlMs: 10_000,
  clock: systemClock,
  random: systemRandom,
});

/** What one process says of its level. */
export interface SharedLevelVote {
  /** Name of the process. */
  readonly node: string;
  /** Its level by its own signals. */
  readonly level: number;
  /** How old it is. Milliseconds. */
  readonly ageMs: number;
}

/** The ballot of a fleet: the `ballot` of `runBrownout`. */
export interface RedisLevelBallot {
  /** Tells the others the level of this process, with the next exchange. */
  cast(level: number): void;
  /** The votes of all as of the last exchange, this process included. */
  votes(): readonly SharedLevelVote[];
  /** How the server looks from here. */
  health(): LinkHealth;
  /** Ends timer and connection: there are no votes any more. The vote of this process runs out. Idempotent. */
  close(): void;
}

/**
 * Creates the ballot of a fleet over a connection of its own to where `redis` points. One per process. It connects at once.
 *
 * @throws ConfigError at creation, when an option has a value that it cannot have, or the client has a `keyPrefix`.
 * @throws TypeError at creation, when an option is not known.
 *
 * @example
 * ```ts
 * runBrownout(brownout, { read, ballot: redisLevelBallot(redis, { namespace: 'shop-prod' }) });
 * ```
 */
export function redisLevelBallot(redis: RedisClient, options: RedisLevelBallotOptions): RedisLevelBallot {
  const settings = resolve(redis, options);
  return new LevelBallot(settings, openLink(redis, settings));
}

// --- internal ---

/** Share of the time between two exchanges by which it varies, so that a fleet does not ask in step. */
const JITTER = 0.2;

type Settings = Required<RedisLevelBallotOptions>;

interface Cast {
  readonly level: number;
  readonly at: number;
}

class LevelBallot implements RedisLevelBallot {
  private readonly settings: Settings;
  private readonly link: ScriptLink;
  private readonly script: LuaScript = luaScript('level-vote', levelVoteLua);
  private readonly key: string;
  private readonly unhook: () => void;
  /** What is to be told with the next exchange. */
  private coming: Cast | undefined = undefined;
  private known: readonly SharedLevelVote[] = [];
  private knownAt = 0;
  private isAsking = false;
  private timer: Timer | undefined = undefined;

  constructor(settings: Settings, link: ScriptLink) {
    this.settings = settings;
    this.link = link;
    this.key = `${keyTag(settings, 'levels')}:v`;
    this.unhook = link.onReady(() => void this.exchange());
    this.arm();
    if (link.isReady) void this.exchange();
  }

  cast(level: number): void {
    if (level >= 0 && level < Infinity) this.coming = { level, at: this.settings.clock.now() };
  }

  votes(): readonly SharedLevelVote[] {
    const elapsedMs = this.settings.clock.now() - this.knownAt;
    return this.known.map((vote) => ({ ...vote, ageMs: vote.ageMs + elapsedMs })); // (2)
  }

  health(): LinkHealth {
    return this.link.health();
  }

  close(): void {
    this.timer?.cancel(); // (4)
    this.timer = undefined;
    this.known = [];
    this.unhook();
    this.link.close();
  }

  private arm(): void {
    const { clock, exchangeMs, random } = this.settings;
    this.timer?.cancel();
    this.timer = clock.setTimer(() => void this.exchange(), exchangeMs * (1 - JITTER * random()));
    this.timer.unref();
  }

  private async exchange(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    const { clock, node, voteTtlMs } = this.settings;
    const { coming } = this;
    const sentAt = clock.now();
    const ours = coming === undefined ? ['', 0] : [coming.level, Math.round(sentAt - coming.at)];
    try {
      const reply = await this.link.run(this.script, { keys: [this.key], args: [encodeId(node), ...ours, voteTtlMs] });
      if (this.timer === undefined) return; // (4)
      this.known = readVotes(reply);
      this.knownAt = sentAt; // (2): the server saw them after that, at the earliest
      if (this.coming === coming) this.coming = undefined; // (3): told once
    } catch {
      // it is in the health, and the votes grow old
    } finally {
      this.isAsking = false;
      if (this.timer !== undefined) this.arm(); // (4)
    }
  }
}

function resolve(client: RedisClient, options: RedisLevelBallotOptions): Settings {
  const place = 'redisLevelBallot';
  requireClient(place, client);
  const defaults = { ...redisLevelBallotDefaults, commandTimeoutMs: isCluster(client) ? 1000 : 200 };
  const given = withKnown(place, defaults, options, ['namespace', 'node']);
  requireKeyPlace(place, { prefix: given.prefix, namespace: given.namespace });
  if (given.node !== undefined) isName(`${place}.node`, given.node);
  inRange(`${place}.exchangeMs`, given.exchangeMs, [50, 60_000]);
  integerInRange(`${place}.voteTtlMs`, given.voteTtlMs, [1000, 600_000]);
  if (given.voteTtlMs < 2 * given.exchangeMs)
    throw new ConfigError(`${place}.voteTtlMs`, `at least twice exchangeMs (${given.exchangeMs})`, given.voteTtlMs);
  inRange(`${place}.commandTimeoutMs`, given.commandTimeoutMs, [10, 10_000]);
  const random = steadyRandom(given.random, given.namespace);
  return { ...given, random, node: given.node ?? `n${Math.floor(random() * 2 ** 48).toString(36)}` };
}

/** Reads the reply: see `level-vote.lua`. Throws where it cannot be read. */
function readVotes(reply: unknown): readonly SharedLevelVote[] {
  if (!Array.isArray(reply)) throw new StoreUnavailableError('the votes cannot be read', { trouble: 'failed' });
  const words = reply.map(String);
  const votes = Array.from({ length: Math.floor(words.length / 3) }, (_each, index) => {
    const [node = '', ageMs, level] = words.slice(3 * index, 3 * index + 3);
    return { node: decodeId(node), ageMs: Number(ageMs), level: Number(level) };
  });
  return votes.filter(({ level, ageMs }) => level >= 0 && level < Infinity && ageMs >= 0);
}
