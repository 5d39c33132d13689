/**
 * Take call: the request for a batch and its reply, as `rate-limiter-take.lua` has them. Pure.
 *
 * @module
 */

import type { ScriptInput } from '../script-link.ts';
import type { Limits } from './limits.ts';
import type { Ask } from './refill.ts';
import type { UnusedTokens } from './token-hand.ts';

/** What every request of a node says. */
export interface Taker {
  /** Keys of the rate: its state and its nodes. */
  readonly keys: readonly string[];
  /** This node, unlike any other. */
  readonly node: string;
  readonly leaseMs: number;
  readonly maxLeaseRatio: number;
}

/** One request for a batch. */
export interface TakeRequest extends Ask {
  /** 1, 2, 3, ...; the same where it is made again. */
  readonly ticket: number;
  readonly unused: UnusedTokens;
  /** Tokens that were used without asking. */
  readonly debt: number;
  readonly limits: Limits;
  /** When it was first made, on this node's clock. */
  readonly madeAt: number;
}

/** The server's answer. */
export interface TakeReply {
  readonly granted: number;
  /** Instant on the server's clock. Microseconds. */
  readonly atUs: number;
  /** Time until there are as many tokens as were needed, or one more where some were granted. */
  readonly waitMs: number;
  /** Nodes that take from this rate. */
  readonly nodes: number;
  /** Whether the rate was another one before. */
  readonly hasChanged: boolean;
}

/** A node is forgotten after so long without a request. */
const NODE_TTL_MS = 10_000;
/** Keys live at least this long after the last request. */
const MIN_KEY_TTL_MS = 60_000;

/** Returns what is sent for `request`. */
export function takeInput({ keys, node, leaseMs }: Taker, request: TakeRequest): ScriptInput {
  const { ticket, want, least, unused, debt, limits } = request;
  const { maxBurst, emissionMs } = limits;
  const keyTtlMs = Math.ceil(Math.max(MIN_KEY_TTL_MS, 2 * maxBurst * emissionMs));
  const asked = [node, ticket, want, least, unused.count, unused.grantedAtUs, debt];
  const terms = [emissionMs * 1000, maxBurst, leaseMs, NODE_TTL_MS, keyTtlMs];
  return { keys, args: [...asked, ...terms] };
}

/**
 * Reads a reply.
 *
 * @throws TypeError where it is none: something else must have these keys.
 */
export function takeReply(reply: unknown): TakeReply {
  const numbers = Array.isArray(reply) ? reply.map(Number) : [];
  const [granted, atUs, waitUs, nodes, changed] = numbers;
  if (numbers.length !== 6 || numbers.some((number) => !(number >= 0)))
    throw new TypeError('not a reply of rate-limiter-take');
  return {
    granted: granted as number,
    atUs: atUs as number,
    waitMs: (waitUs as number) / 1000,
    nodes: Math.max(1, nodes as number),
    hasChanged: changed === 1,
  };
}
