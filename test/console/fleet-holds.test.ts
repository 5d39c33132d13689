/**
 * Holds of the whole fleet, through the consoles of two processes that share a circuit through a real server: made in one and
 * in force in the other, ended by either, by time, and while the server is gone.
 *
 * @module
 */

import { spawn } from 'node:child_process';

import { redisCircuitStore } from '@holdfast/redis';
import { describe, expect, it, onTestFinished } from 'vitest';

import { circuitUsers } from '../redis/circuit-rights.ts';
import { eventually } from '../redis-lab/eventually.ts';
import { startFleet } from '../redis-lab/fleet.ts';
import { type RedisServerOptions, startRedisServer } from '../redis-lab/redis-server.ts';
import { inRepository } from '../repository.ts';
import type { ConsoleCommands, ConsoleSettings } from './console-member.ts';
import { tokens } from './shop.ts';

const token = tokens.operator;
const author = { actor: 'alice', reason: 'INC-4711' } as const;
const everywhere = { state: 'open', scope: 'fleet', ...author, expiresInMs: 600_000 } as const;

interface Place {
  readonly call: () => Promise<string>;
  readonly state: () => Promise<string>;
  readonly url: string;
  /** Asks its console. */
  readonly ask: (method: string, path: string, body?: object) => Promise<Answer>;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Start {
  readonly server?: RedisServerOptions;
  readonly username?: string;
}

/** Starts a server and two processes that share a circuit there. All of it ends with the test. */
async function start({ server: options = {}, username }: Start = {}) {
  const server = await startRedisServer(options);
  const settings = (): ConsoleSettings => ({ port: server.port, token, ...(username !== undefined && { username }) });
  const module = new URL('console-member.ts', import.meta.url);
  const fleet = await startFleet<ConsoleCommands>({ module, count: 2, settings });
  onTestFinished(async () => {
    await fleet.stop();
    await server.stop();
  });
  const urls = await fleet.askAll('open', 2);
  const places = urls.map((url, index): Place => ({
    url,
    call: () => fleet.member(index).ask('call'),
    state: () => fleet.member(index).ask('state'),
    ask: (method, path, body) => asked(`${url}${path}`, method, body),
  }));
  return { server, here: places[0] as Place, there: places[1] as Place };
}

async function asked(url: string, method: string, body?: object): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

const hold = '/circuits/prices/hold';

/** Waits until a place is in a state. */
function until({ state }: Place, wanted: RegExp): Promise<true> {
  return eventually(async () => wanted.test(await state()), { what: `the state ${wanted}`, limitMs: 20_000 });
}

async function kindsIn({ ask }: Place): Promise<readonly string[]> {
  const { actions } = (await ask('GET', '/audit')).body as { actions: { kind: string }[] };
  return actions.map(({ kind }) => kind);
}

describe('a hold of the fleet', () => {
  it('made in one console refuses calls in the other process, is seen there, and is released there', async () => {
    const { here, there } = await start();
    const names = { actor: 'שרה + alice 💥 <b>', reason: `INC-4711: ${'x'.repeat(200)}` };

    const held = await here.ask('PUT', hold, { ...everywhere, ...names });
    await until(there, /^forced-open$/);

    expect(held).toMatchObject({ status: 200, body: { scope: 'fleet', confirmedBy: 'store', nodes: 2 } });
    expect([await here.call(), await there.call()]).toEqual(['CIRCUIT_OPEN', 'CIRCUIT_OPEN']);
    const { body } = await there.ask('GET', '/circuits/prices');
    expect(body).toMatchObject({
      state: 'forced-open',
      hold: null,
      scopes: ['process', 'fleet'],
      fleetHold: { scope: 'fleet', state: 'open', actor: names.actor, reason: names.reason.slice(0, 100) },
    });
    expect(Math.abs(Date.parse(String((body['fleetHold'] as Answer['body'])['setAt'])) - Date.now())).toBeLessThan(
      60_000,
    );

    const released = await there.ask('DELETE', hold, { ...author, scope: 'fleet' });
    expect(released).toMatchObject({ status: 200, body: { scope: 'fleet', confirmedBy: 'store', fleetHold: null } });
    await until(here, /^(half-open|closed)$/);
    expect([await kindsIn(here), await kindsIn(there)]).toEqual([['circuit.held'], ['circuit.released']]);
  });

  it('is of one process unless somebody says otherwise, and of a shared circuit only', async () => {
    const { here, there } = await start();
    const { scope: _left, ...local } = everywhere;

    const answer = await here.ask('PUT', hold, local);
    const other = await here.ask('PUT', '/circuits/sidecar/hold', everywhere);

    expect(answer).toMatchObject({ status: 200, body: { scope: 'process', confirmedBy: 'process', nodes: 2 } });
    expect([await here.call(), await there.call()]).toEqual(['CIRCUIT_OPEN', 'ran']);
    expect(other).toMatchObject({ status: 409, body: { code: 'NOT_SHARED' } });
  });

  it('ends in both when its time is over', async () => {
    const { here, there } = await start();

    await here.ask('PUT', hold, { ...everywhere, expiresInMs: 1500 });
    await until(there, /^forced-open$/);
    await Promise.all([until(here, /^(half-open|closed)$/), until(there, /^(half-open|closed)$/)]);

    await eventually(async () => (await kindsIn(here)).includes('circuit.hold-expired'), { what: 'the entry' });
    expect([await kindsIn(here), await kindsIn(there)]).toEqual([['circuit.held', 'circuit.hold-expired'], []]);
  });

  it('is undone, unless somebody was there since', async () => {
    const { here, there } = await start();
    const { body } = await here.ask('PUT', hold, everywhere);
    await until(there, /^forced-open$/);
    expect((await here.ask('POST', `/actions/${String(body['actionId'])}/undo`, author)).status).toBe(200);
    await until(there, /^(half-open|closed)$/);

    const again = await here.ask('PUT', hold, everywhere);
    await until(there, /^forced-open$/);
    await there.ask('PUT', hold, { ...everywhere, state: 'closed' });
    await until(here, /^forced-closed$/);
    expect(await here.ask('POST', `/actions/${String(again.body['actionId'])}/undo`, author)).toMatchObject({
      status: 409,
      body: { code: 'CHANGED_SINCE' },
    });
  });

  it('made by a store elsewhere is shown by every console, and can be released there', async () => {
    const { here, there, server } = await start();
    const store = redisCircuitStore(server.connect(), { namespace: 'consoles', shardCount: 1 });
    onTestFinished(() => store.close());
    await store.hold('prices', 'closed', { owner: 'a script', reason: 'upgrade', forMs: 60_000 });
    await Promise.all([until(here, /^forced-closed$/), until(there, /^forced-closed$/)]);

    expect((await there.ask('GET', '/circuits/prices')).body['fleetHold']).toMatchObject({
      state: 'closed',
      actor: 'a script',
      reason: 'upgrade',
    });
    expect((await here.ask('DELETE', hold, { ...author, scope: 'fleet' })).status).toBe(200);
    await until(there, /^closed$/);
    expect((await store.audit(1))[0]).toMatchObject({
      owner: 'alice',
      state: 'auto',
      id: 'prices',
      reason: 'INC-4711',
    });
  });
});

describe('a hold of the fleet, without its server', () => {
  it('stands; what is asked meanwhile is said to be not confirmed, and can be asked again later', async () => {
    const { here, there, server } = await start();
    const { body } = await here.ask('PUT', hold, everywhere);
    await until(there, /^forced-open$/);
    await server.kill();

    const startedAt = performance.now();
    const [released, undone] = await Promise.all([
      here.ask('DELETE', hold, { ...author, scope: 'fleet' }),
      there.ask('PUT', hold, { ...everywhere, state: 'closed' }),
    ]);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    for (const answer of [released, undone]) {
      expect(answer.body['code']).toMatch(/^STORE_(AWAY|TIMEOUT)$/);
      expect(answer).toMatchObject({ body: { mayHaveChanged: true } });
      expect([503, 504]).toContain(answer.status);
    }
    expect([await here.call(), await there.call()]).toEqual(['CIRCUIT_OPEN', 'CIRCUIT_OPEN']);
    expect(await kindsIn(here)).toEqual(['circuit.held', 'circuit.unconfirmed']);

    await server.restart({ empty: true });
    await eventually(
      async () => (await here.ask('POST', `/actions/${String(body['actionId'])}/undo`, author)).status === 200,
      { what: 'an undo', limitMs: 60_000, everyMs: 500 },
    );
    await until(there, /^(half-open|closed)$/);
  });

  it('or without the rights of operators there, is refused and changes nothing', async () => {
    const { here, there } = await start({ server: { users: circuitUsers('consoles') }, username: 'app' });

    const answer = await here.ask('PUT', hold, everywhere);

    expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_DENIED' } });
    expect(answer.body['mayHaveChanged']).toBeUndefined();
    expect([await here.call(), await there.call(), await kindsIn(here)]).toEqual(['ran', 'ran', []]);
  });

  it('is told from a shell by its exit code', async () => {
    const { here, there, server } = await start();
    const args = ['hold', 'prices', '--fleet', '--for', '10m', '--reason', 'INC-4711'];

    const held = await run(here.url, args);
    await until(there, /^forced-open$/);
    await server.kill();
    const away = await run(here.url, ['release', 'prices', '--fleet', '--reason', 'over']);

    expect([held.code, held.out]).toEqual([
      0,
      expect.stringContaining('in the whole fleet (2 processes) for 10 min, confirmed by the store') as string,
    ]);
    expect([away.code, away.err]).toEqual([6, expect.stringContaining('it may have been done all the same') as string]);
  });
});

/** Runs the command `holdfast` as a child process. */
function run(url: string, args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const program = inRepository('packages/console/src/cli/holdfast.ts');
  const child = spawn(process.execPath, ['--conditions=@holdfast/source', '--import', 'tsx', program, ...args], {
    cwd: inRepository('.'),
    env: { PATH: process.env['PATH'], HOLDFAST_URL: url, HOLDFAST_ACTOR: 'alice', HOLDFAST_TOKEN: token },
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}
