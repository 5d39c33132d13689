import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type CircuitKeys, type ShardPlace, circuitKeys } from './circuit-keys.ts';

const place: fc.Arbitrary<ShardPlace> = fc.record({
  prefix: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,6}$/),
  namespace: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,6}$/),
  shard: fc.nat(64),
});
const id = fc.string({ unit: 'grapheme', maxLength: 12 });

const circuitKeysOf = (keys: CircuitKeys, circuit: string): string[] => [
  keys.round(circuit),
  keys.ballots(circuit),
  keys.window(circuit),
];

function allKeys(keys: CircuitKeys, circuit: string): string[] {
  const { meta, rulings, changes, nodes, audit, channel } = keys;
  return [meta, rulings, changes, nodes, audit, channel, ...circuitKeysOf(keys, circuit)];
}

/** What decides the slot of a key: see the Redis Cluster specification. */
const tagOf = (key: string): string | undefined => /\{([^}]+)\}/.exec(key)?.[1];

describe('circuitKeys', () => {
  it('(1) keeps all keys of a shard, and its channel, in one slot', () => {
    fc.assert(
      fc.property(place, id, (at, circuit) => {
        expect(new Set(allKeys(circuitKeys(at), circuit).map(tagOf))).toEqual(new Set([`${at.namespace}/${at.shard}`]));
      }),
    );
  });

  it('(2) gives different circuits, shards, namespaces and prefixes different keys', () => {
    fc.assert(
      fc.property(fc.tuple(place, id), fc.tuple(place, id), ([at, circuit], [otherAt, other]) => {
        fc.pre(JSON.stringify([at, circuit]) !== JSON.stringify([otherAt, other]));
        const ours = circuitKeysOf(circuitKeys(at), circuit);
        expect(allKeys(circuitKeys(otherAt), other).filter((key) => ours.includes(key))).toEqual([]);
      }),
    );
  });

  it('says where what is', () => {
    const keys = circuitKeys({ prefix: 'rb', namespace: 'prod', shard: 3 });

    expect(allKeys(keys, 'prices, eu')).toEqual([
      'rb1:{prod/3}:m',
      'rb1:{prod/3}:v',
      'rb1:{prod/3}:z',
      'rb1:{prod/3}:n',
      'rbo1:{prod/3}:o',
      'rb1:{prod/3}:e',
      'rb1:{prod/3}:b:prices%2C%20eu',
      'rb1:{prod/3}:q:prices%2C%20eu',
      'rb1:{prod/3}:w:prices%2C%20eu',
    ]);
  });
});
