/**
 * The command `holdfast` as a child process against a real server: output, JSON, exit codes, and how it ends.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { type Shop, openShop, tokens } from './shop.ts';

let shop: Shop;
let folder = '';

beforeAll(async () => {
  shop = await openShop({ service: 'shop' });
  folder = mkdtempSync(`${tmpdir()}/holdfast-command-`);
  writeFileSync(`${folder}/operator`, `${tokens.operator}\n`, { mode: 0o600 });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await shop.close();
});

interface Child {
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  readonly out: () => string;
  readonly stop: (signal: NodeJS.Signals) => void;
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): Child {
  const program = inRepository('packages/console/src/cli/holdfast.ts');
  const child = spawn(process.execPath, ['--conditions=@holdfast/source', '--import', 'tsx', program, ...args], {
    cwd: inRepository('.'),
    env: { PATH: process.env['PATH'], HOLDFAST_URL: shop.url, HOLDFAST_ACTOR: 'alice', ...env },
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { ended, out: () => out, stop: (signal) => void child.kill(signal) };
}

const asOperator = { HOLDFAST_TOKEN: tokens.operator };
const run = (args: readonly string[], env: Readonly<Record<string, string>> = asOperator) => start(args, env).ended;

describe('holdfast', () => {
  it('acts as asked, prints text or one JSON document, and ends with 0', async () => {
    const held = await run(
      ['hold', 'prices', '--for', '10m', '--reason', 'INC-4711', '--token-file', `${folder}/operator`],
      {},
    );
    const [table, json] = await Promise.all([run(['ls', 'circuits']), run(['ls', '--json'])]);

    expect(held).toEqual({
      code: 0,
      out: 'prices is forced-open in this process for 10 min (action 1: holdfast undo 1 --reason ...)\n',
      err: '',
    });
    expect(shop.prices.state).toBe('forced-open');
    expect(table.out).toMatch(/^CIRCUIT .*\nprices +forced-open .* process +alice +INC-4711\n$/);
    expect([table.code, json.code, table.err, json.err]).toEqual([0, 0, '', '']);
    expect(JSON.parse(json.out)).toMatchObject({
      circuits: [{ id: 'prices', hold: { state: 'open', actor: 'alice', reason: 'INC-4711' } }],
      features: [{ name: 'recommendations' }, { name: 'checkout' }],
    });
  });

  it('ends with the exit code of what went wrong, and says it on the other channel', async () => {
    const hold = ['hold', 'prices', '--for', '1m', '--reason', 'a'];
    const ran = await Promise.all([
      run(['doctor']),
      run(['hold', 'prices']),
      run(['ls', '--url', 'http://127.0.0.1:9']),
      run(hold, { HOLDFAST_TOKEN: tokens.viewer }),
      run(['show', 'circuit', 'nothing']),
      run(['ls', '--json'], { HOLDFAST_TOKEN: 'wrong-wrong-wrong-wrong' }),
    ]);

    expect(ran.map(({ code }) => code)).toEqual([1, 2, 3, 4, 5, 4]);
    expect(ran.slice(1, 5).map(({ out, err }) => [out, err.startsWith('holdfast: ')])).toEqual(
      Array.from({ length: 4 }, () => ['', true]),
    );
    expect(JSON.parse(ran[5]?.out ?? '')).toEqual({
      error: 'the token is not the right one',
      code: 'UNAUTHORIZED',
      exitCode: 4,
    });
    expect(ran.map(({ out, err }) => out + err).join('')).not.toMatch(/correct-horse|a-token-that|wrong-wrong/);
  });

  it('is ended by a signal at once where it only waits for an answer', async () => {
    const deaf = createServer().listen(0, '127.0.0.1');
    const asked = new Promise<Socket>((resolve) => deaf.once('connection', resolve));
    await new Promise((resolve) => deaf.once('listening', resolve));
    const url = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const child = start(['ls', '--url', url, '--timeout', '10m'], asOperator);
    const socket = await asked;

    child.stop('SIGINT');

    expect((await child.ended).code).toBe(null);
    socket.destroy();
    deaf.close();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('watches until %s, and ends with 0', async (signal) => {
    const child = start(['watch', 'sample', '--json'], asOperator);
    for (let tries = 0; tries < 300 && child.out() === ''; tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));

    child.stop(signal);

    const { code, out } = await child.ended;
    expect([code, JSON.parse(out.split('\n')[0] ?? '')]).toMatchObject([0, { type: 'sample', data: { level: 0 } }]);
  });
});
