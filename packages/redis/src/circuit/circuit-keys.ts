/**
 * Circuit keys: where the circuits of one shard are kept on the server. Every key and channel of circuits is made here.
 *
 *   rb1:{prod/0}:b:prices        rbo1:{prod/0}:o
 *   │ │  │   │   │ └ id          └┴┴ what operators did: under a prefix of its own, so that access rules can keep it apart
 *   │ │  │   │   └ what of it
 *   │ │  │   └ shard
 *   │ │  └ namespace
 *   │ └ major version of what is on the wire
 *   └ prefix
 *
 * Invariants
 *  (1) All keys of a shard, and its channel, belong to one hash slot.
 *  (2) Different circuits, shards, namespaces and prefixes have different keys.
 *
 * @module
 */

import { WIRE_MAJOR, wireName } from './wire.ts';

/** Which shard it is. Prefix and namespace hold letters, digits and `_.:-` only. */
export interface ShardPlace {
  readonly prefix: string;
  readonly namespace: string;
  readonly shard: number;
}

/** The keys of one shard, and its channel. */
export interface CircuitKeys {
  /** m: hash: incarnation, clock and others. */
  readonly meta: string;
  /** v: hash: the rulings. */
  readonly rulings: string;
  /** z: sorted set: the change log. */
  readonly changes: string;
  /** n: sorted set: which nodes are there. */
  readonly nodes: string;
  /** o: list: what operators did. */
  readonly audit: string;
  /** e: channel: messages. */
  readonly channel: string;
  /** b: hash: the half-open round of a circuit. */
  round(id: string): string;
  /** q: sorted set: ballots on a circuit. */
  ballots(id: string): string;
  /** w: hash: the fleet's window of a circuit. */
  window(id: string): string;
}

/** Returns the keys of a shard. */
export function circuitKeys({ prefix, namespace, shard }: ShardPlace): CircuitKeys {
  const tag = `{${namespace}/${shard}}`; // (1)
  const base = `${prefix}${WIRE_MAJOR}:${tag}`;
  return Object.freeze({
    meta: `${base}:m`,
    rulings: `${base}:v`,
    changes: `${base}:z`,
    nodes: `${base}:n`,
    audit: `${prefix}o${WIRE_MAJOR}:${tag}:o`,
    channel: `${base}:e`,
    round: (id: string) => `${base}:b:${wireName(id)}`,
    ballots: (id: string) => `${base}:q:${wireName(id)}`,
    window: (id: string) => `${base}:w:${wireName(id)}`,
  });
}
