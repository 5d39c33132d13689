/**
 * Database laboratory: one server for the tests of a file, and in each test a pool of its own.
 *
 * @module
 */

import { type SqlPool, type SqlPoolOptions, sqlPool } from '@holdfast/sql';
import type { Pool, PoolConfig } from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

import {
  type PostgresServer,
  type PostgresServerOptions,
  startPostgresServer,
} from '../postgres-lab/postgres-server.ts';
import { eventually } from '../redis-lab/eventually.ts';
import { type TcpProxy, startTcpProxy } from '../redis-lab/tcp-proxy.ts';

/** A pool, wrapped and bare. */
interface Wrapped {
  readonly pool: Pool;
  readonly database: SqlPool;
}

/** The server, and what stands before it. */
export interface DatabaseLab {
  server(): PostgresServer;
  /** A pool that ends with the test. It is {@link patient}, unless `options` say otherwise. */
  wrap(config?: PoolConfig, options?: SqlPoolOptions): Wrapped;
  /** The same through a proxy of its own. */
  wrapBehindProxy(config?: PoolConfig, options?: SqlPoolOptions): Promise<Wrapped & { readonly proxy: TcpProxy }>;
  /** Waits until nothing that a pool began is under way any more. */
  rest(database: SqlPool): Promise<void>;
  /** Waits until a statement that contains `text` runs, and returns the process that runs it. */
  running(text: string): Promise<number>;
}

/** Limits that a slow machine keeps to: what is tested is not how fast it is. */
export const patient: SqlPoolOptions = { cancelGraceMs: 60_000, commitTimeoutMs: 60_000 };

/** Starts a server before the tests of a file, and `schema` on it; stops it after them. */
export function databaseLab(schema: string, options?: PostgresServerOptions): DatabaseLab {
  let server: PostgresServer | undefined;
  const started = (): PostgresServer => {
    if (server === undefined) throw new Error('the server has not been started');
    return server;
  };
  beforeAll(async () => {
    server = await startPostgresServer(options);
    await server.query(schema);
  });
  afterAll(() => server?.stop());

  const wrap: DatabaseLab['wrap'] = (config, poolOptions) => {
    const pool = started().pool(config);
    onTestFinished(async () => {
      if (!pool.ending) await pool.end();
    });
    return { pool, database: sqlPool(pool, { ...patient, ...poolOptions }) };
  };
  return {
    server: started,
    wrap,
    async wrapBehindProxy(config, poolOptions) {
      const proxy = await startTcpProxy(started().port);
      onTestFinished(() => proxy.stop());
      return { ...wrap({ port: proxy.port, ...config }, poolOptions), proxy };
    },
    async rest(database) {
      await eventually(() => database.counts().checkedOut === 0, { what: 'rest', limitMs: 60_000 });
    },
    async running(text) {
      const found = async (): Promise<number | undefined> =>
        (await started().backends()).find(({ state, query }) => state === 'active' && query.includes(text))?.pid;
      return eventually(found, { what: text, limitMs: 30_000 });
    },
  };
}
