/**
 * PostgreSQL server: a private server for a test, on a port of its own, that can be crashed and restarted.
 *
 *   startPostgresServer() ──► running ── crash() ──► down ── restart() ──► running
 *
 * It listens on 127.0.0.1 and on a socket in its folder, is not the superuser's, keeps nothing safe on disk, and ends with
 * this process, however this process ends.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { chownSync, rmSync, writeFileSync } from 'node:fs';

import { Pool, type PoolConfig } from 'pg';

import { eventually } from '../redis-lab/eventually.ts';
import { freePort } from '../redis-lab/free-port.ts';
import { privateFolder } from '../redis-lab/private-folder.ts';
import { spawnTied, type TiedProcess } from '../redis-lab/tied-process.ts';
import { postgresFolder } from './postgres-program.ts';
import { certificate, privateKey } from './self-signed.ts';

/** Options of {@link startPostgresServer}. */
export interface PostgresServerOptions {
  /** Settings above our own: `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether it takes TLS connections only, over TCP. @defaultValue false */
  readonly tls?: boolean;
}

/** One row of `pg_stat_activity` that is no background process's. */
interface Backend {
  readonly pid: number;
  /** `active`, `idle`, `idle in transaction`, ... */
  readonly state: string;
  readonly query: string;
  readonly application: string;
}

/** A server of our own. */
export interface PostgresServer {
  readonly host: '127.0.0.1';
  /** Stays the same over restarts. */
  readonly port: number;
  /** Its private folder; its socket is in it. */
  readonly folder: string;
  /** What clients need to connect to it: spread it into a configuration of pg. */
  readonly address: { readonly host: string; readonly port: number; readonly user: string; readonly database: string };
  /** Makes a pool that is ended with the server: `server.pool({ max: 4 })`. */
  pool(config?: PoolConfig): Pool;
  /** Runs a statement on a connection for the test itself, not for what is tested. Returns the rows. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The backends of others, those of the test's own connection left out. */
  backends(): Promise<Backend[]>;
  /** Ends it at once, with all backends, in the middle of what they do; what was committed stays. */
  crash(): Promise<void>;
  /** Starts it again at the same port, after a crash. */
  restart(): Promise<void>;
  /** What it has logged since it was last started. */
  output(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server and waits until it answers.
 *
 * @throws Error when it does not start, with its output.
 */
export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const server = new PrivateServer(await freePort(), privateFolder('postgres'), options);
  try {
    server.makeCluster();
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

// --- internal ---

const host = '127.0.0.1';
const superuser = 'postgres';
/** Who runs it where the tests run as root, which PostgreSQL refuses: nobody. */
const unprivileged = 65_534;
const isRoot = process.getuid?.() === 0;
const asNobody = ['setpriv', `--reuid=${unprivileged}`, `--regid=${unprivileged}`, '--clear-groups'];

class PrivateServer implements PostgresServer {
  readonly host = host;
  readonly port: number;
  readonly folder: string;
  readonly address: PostgresServer['address'];
  readonly #options: PostgresServerOptions;
  readonly #pools = new Set<Pool>();
  #own: Pool | undefined;
  #running: TiedProcess | undefined;

  constructor(port: number, folder: string, options: PostgresServerOptions) {
    this.port = port;
    this.folder = folder;
    this.address = { host, port, user: superuser, database: superuser };
    this.#options = options;
  }

  get #data(): string {
    return `${this.folder}/data`;
  }

  makeCluster(): void {
    if (isRoot) chownSync(this.folder, unprivileged, unprivileged);
    const args = ['-D', this.#data, '-U', superuser, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const [program = '', ...rest] = [...(isRoot ? asNobody : []), `${postgresFolder()}/initdb`, ...args];
    execFileSync(program, rest, { cwd: this.folder, stdio: 'pipe', env: { ...process.env, TZ: 'UTC' } });
    if (this.#options.tls === true) this.#writeTls();
  }

  async restart(): Promise<void> {
    await this.crash();
    const settings = { ...ownSettings, unix_socket_directories: this.folder, ...this.#options.settings };
    const args = ['-D', this.#data, '-p', `${this.port}`, ...Object.entries(settings).flatMap(setting)];
    const [program = '', ...rest] = [...(isRoot ? privileged() : []), `${postgresFolder()}/postgres`, ...args];
    const running = spawnTied(program, rest, { cwd: this.folder, env: { TZ: 'UTC', PGTZ: 'UTC' } });
    this.#running = running;
    this.#own = quietPool({ ...this.address, host: this.folder, max: 1, application_name: 'lab' });
    await eventually(() => this.#answers(running), { what: 'an answer of PostgreSQL', limitMs: 60_000 }).catch(
      () => {},
    );
    if (running.isRunning()) return;
    await running.ended;
    throw new Error(`PostgreSQL does not start:\n${running.output()}`);
  }

  pool(config: PoolConfig = {}): Pool {
    const pool = quietPool({ ...this.address, ...config });
    this.#pools.add(pool);
    return pool;
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.#own === undefined) throw new Error('the server is down');
    return (await this.#own.query<Row>(text, [...values])).rows;
  }

  backends(): Promise<Backend[]> {
    return this.query<Backend>(
      `select pid, state, query, application_name as application from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid() order by pid`,
    );
  }

  async crash(): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    this.#running?.signal('SIGQUIT'); // "immediate shutdown": its children end with it, which SIGKILL does not promise
    await this.#running?.ended;
    await own?.end();
  }

  output(): string {
    return this.#running?.output() ?? '';
  }

  async stop(): Promise<void> {
    const ends = [...this.#pools].filter(({ ending }) => !ending).map((pool) => pool.end());
    await this.crash();
    await Promise.allSettled(ends);
    rmSync(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #answers(running: TiedProcess): Promise<boolean> {
    if (!running.isRunning()) return true; // there is nothing to wait for
    await this.query('select 1');
    return true;
  }

  #writeTls(): void {
    for (const [name, text] of Object.entries({
      'server.crt': certificate,
      'server.key': privateKey,
      'pg_hba.conf': 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n',
      'postgresql.auto.conf': 'ssl = on\n',
    })) {
      const file = `${this.#data}/${name}`;
      writeFileSync(file, text, { mode: 0o600 });
      if (isRoot) chownSync(file, unprivileged, unprivileged);
    }
  }
}

const ownSettings: Readonly<Record<string, string>> = {
  listen_addresses: host,
  max_connections: '60',
  shared_buffers: '16MB',
  dynamic_shared_memory_type: 'mmap', // nothing is left in /dev/shm by one that was killed
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  jit: 'off',
};

function setting([name, value]: [string, string]): string[] {
  return ['-c', `${name}=${value}`];
}

/** Changing the user unties a process from its parent, so it is tied once more after that. */
function privileged(): string[] {
  return [...asNobody, 'setpriv', '--pdeathsig', 'KILL'];
}

/** A pool whose idle connections may be lost: who uses one finds out. */
function quietPool(config: PoolConfig): Pool {
  return new Pool(config).on('error', () => {});
}
