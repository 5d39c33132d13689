/**
 * The blocks of the page and of the package's README run, each against a server of its own schema.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { snippetsOf } from '../docs/snippets.ts';
import { type PostgresServer, startPostgresServer } from '../postgres-lab/postgres-server.ts';
import { inRepository, repository } from '../repository.ts';

const folder = inRepository('test/docs/.snippets/sql');
const schema = `
  drop table if exists stock, orders, audit;
  create table stock (sku text primary key, amount int);
  create table orders (id serial primary key, sku text);
  create table audit (entry text);
  insert into stock values ('sku-1', 3)`;

const blocks = ['docs/packages/sql.md', 'packages/sql/README.md'].flatMap((path) =>
  snippetsOf(readFileSync(inRepository(path), 'utf8')).map(({ line, text }) => ({ path, line, text })),
);
let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgresServer();
  mkdirSync(folder, { recursive: true });
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
});

it.each(blocks)('$path, line $line', async ({ path, line, text }) => {
  await server.query(schema);
  const file = `${folder}/${path.replaceAll(/[/.]/g, '-')}-${line}.ts`;
  writeFileSync(file, `${text}\nexport {};\n`);
  const { host, port, user, database } = server.address;
  const env = { ...process.env, PGHOST: host, PGPORT: `${port}`, PGUSER: user, PGDATABASE: database };

  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', file];
  const options = { cwd: repository, env, timeout: 100_000, killSignal: 'SIGKILL' as const };
  const { stdout } = await promisify(execFile)(process.execPath, flags, options);

  expect(stdout).toBe(printed(text));
});

/** What a block says that it prints. */
function printed(text: string): string {
  if (text.includes('order ${order}')) return 'order 1\n';
  if (text.includes("'kept'")) return "[ { entry: 'kept' } ]\n";
  return text.includes('console.log(rows)') ? "[ { sku: 'sku-1' } ]\n" : '';
}
