import { existsSync } from 'node:fs';

import { describe, expect, it, onTestFinished } from 'vitest';

import { type PostgresServerOptions, startPostgresServer } from './postgres-server.ts';
import { certificate } from './self-signed.ts';

async function start(options?: PostgresServerOptions) {
  const server = await startPostgresServer(options);
  onTestFinished(() => server.stop());
  return server;
}

describe('startPostgresServer', () => {
  it('gives a server of its own to each, and leaves nothing of it', async () => {
    const { folder } = await (async () => {
      await using one = await startPostgresServer();
      await using other = await startPostgresServer();
      await one.query('create table note (id int)');

      expect(await other.query(`select to_regclass('note') as found`)).toEqual([{ found: null }]);
      expect(one.port).not.toBe(other.port);
      return one;
    })();

    expect(existsSync(folder)).toBe(false);
  });

  it('shows the output of a server that does not start', async () => {
    await expect(startPostgresServer({ settings: { no_such_setting: '1' } })).rejects.toThrow(/no_such_setting/);
  });

  it('shows what others do, not what the test itself does', async () => {
    const server = await start({ settings: { max_connections: '12' } });
    const pool = server.pool({ max: 1, application_name: 'app' });
    const sleeping = pool.query('select pg_sleep(30)').catch((error: unknown) => error);

    await expect
      .poll(() => server.backends(), { timeout: 10_000 })
      .toMatchObject([{ state: 'active', query: 'select pg_sleep(30)', application: 'app' }]);
    await server.stop();
    expect(await sleeping).toBeInstanceOf(Error);
  });

  it('keeps what was committed over a crash, at the same port, and loses its connections', async () => {
    const server = await start();
    const pool = server.pool({ max: 1 });
    await pool.query('create table note (id int)');
    const client = await pool.connect();
    const lost = new Promise((resolve) => {
      client.on('error', resolve);
    });
    await client.query('begin; insert into note values (1)');

    await server.crash();
    client.release(true);
    await expect(pool.query('select 1')).rejects.toThrow('ECONNREFUSED');
    await server.restart();

    expect(await lost).toBeInstanceOf(Error);
    expect((await pool.query('select * from note')).rows).toEqual([]);
  });

  it('takes TLS connections only, where asked', async () => {
    const server = await start({ tls: true });

    await expect(server.pool().query('select 1')).rejects.toThrow(/no encryption/);
    const { rows } = await server
      .pool({ ssl: { ca: certificate } })
      .query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    expect(rows).toEqual([{ ssl: true }]);
  });
});
