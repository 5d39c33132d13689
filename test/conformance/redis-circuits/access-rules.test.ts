/**
 * Access rules: the scripts do all they can under exactly the rights that are documented, and each of these rights is needed.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { circuitRights } from '../../redis/circuit-rights.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { playScenario } from './scenario.ts';

const documented = circuitRights('acl');
const commandsOf = (words: readonly string[]): readonly string[] =>
  words.flatMap((word) => (word.startsWith('+') ? [word.slice(1)] : []));

/** What any client of ioredis needs, and the test's own as well. */
const clientRights = ['ping', 'hello'];

/** Rights of a node; `hget` and `subscribe` are the test's own as well. */
const nodeRights = commandsOf(documented.node).filter((right) => !clientRights.includes(right));

/** What an operator has besides, for keys of a prefix of its own. */
const operatorRights = commandsOf(documented.operator);

let server: RedisServer;
let run = 0;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

const rules = (rights: readonly string[]): string[] => [
  '-@all',
  ...[...clientRights, ...rights].map((each) => `+${each}`),
];

/** What the scenario says under these rights, and what was heard of it. */
async function underRights(node: readonly string[], operator: readonly string[]): Promise<string[]> {
  const namespace = `acl${run++}`;
  const places = [`~rb1:{${namespace}/*`, `&rb1:{${namespace}/*`];
  const fresh = ['reset', 'on', '>pw', 'resetkeys', 'resetchannels', ...places];
  await server.admin.acl('SETUSER', `node-${namespace}`, ...fresh, ...rules(node));
  await server.admin.acl('SETUSER', `op-${namespace}`, ...fresh, `~rbo1:{${namespace}/*`, ...rules(operator));
  await server.admin.script('FLUSH');
  const login = { password: 'pw', enableReadyCheck: false, disableClientInfo: true };
  const [a, b, ear] = [
    server.connect({ username: `node-${namespace}`, ...login }),
    server.connect({ username: `op-${namespace}`, ...login }),
    server.connect({ username: `node-${namespace}`, ...login }),
  ];
  let heard = 0;
  ear.on('message', () => heard++);
  const subscribed = await ear.subscribe(`rb1:{${namespace}/0}:e`).then(
    () => 'heard',
    () => 'deaf',
  );
  const said = await playScenario({ node: a, operator: b, namespace });
  await ear.ping();
  for (const each of [a, b, ear]) each.disconnect();
  return [...said, `${subscribed} ${heard > 0 ? 'messages' : 'nothing'}`];
}

describe('the access rules', () => {
  const everything = [
    'sync: an incarnation, 1 nodes',
    'other node: 2 nodes',
    'server: known',
    'vote: voted closed',
    'open: done open',
    'claim: granted half-open',
    'claim that finds lost leases: done open',
    'claim again: granted half-open',
    'report: noted half-open',
    'report of the last: done closed',
    'flush: counted 1, done 2',
    'fleet opened: open',
    'hold: forced-open',
    'release: open',
    'audit: auto forced-open',
    'heard messages',
  ];

  it('let the scripts do all that they can', async () => {
    expect(await underRights(nodeRights, [...nodeRights, ...operatorRights])).toEqual(everything);
  });

  it.for(nodeRights)('need %s', async (right) => {
    const less = nodeRights.filter((each) => each !== right);

    expect(await underRights(less, [...less, ...operatorRights])).not.toEqual(everything);
  });

  it.for(operatorRights)('need %s for an operator', async (right) => {
    const less = operatorRights.filter((each) => each !== right);

    expect(await underRights(nodeRights, [...nodeRights, ...less])).not.toEqual(everything);
  });

  it('keep nodes from holding circuits, and change nothing where one tries', async () => {
    const said = await underRights(nodeRights, nodeRights);

    expect(said.filter((line) => line.startsWith('hold') || line.startsWith('audit'))).toEqual([
      expect.stringContaining('hold: ! '),
      expect.stringContaining('audit: ! '),
    ]);
    expect(said.find((line) => line.startsWith('release'))).toContain('! ');
  });

  it('go on without info and publish: at the price of failovers unnoticed and messages unheard', async () => {
    const less = nodeRights.filter((each) => each !== 'info' && each !== 'publish');

    expect(await underRights(less, [...less, ...operatorRights])).toEqual(
      everything.map((line) => line.replace('server: known', 'server: not known').replace('messages', 'nothing')),
    );
  });
});
