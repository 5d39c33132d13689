/**
 * Redis server: a private server for a test, on a port of its own, that can be paused, killed and restarted.
 *
 *   startRedisServer() ──► running ◄── pause() / resume() ──► paused
 *                          │    ▲                              │
 *                  kill()  ▼    │ restart()                    ▼ kill()
 *                         down ─┘                             down
 *
 * It listens on 127.0.0.1 only, saves nothing by itself, and ends with this process, however this process ends.
 *
 * @module
 */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';

import { Redis, type RedisOptions } from 'ioredis';

import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { privateFolder } from './private-folder.ts';
import { type RedisReadings, redisReadings } from './redis-readings.ts';
import { redisProgram } from './redis-program.ts';
import { spawnTied, type TiedProcess } from './tied-process.ts';

/** Options of a client, without the one that its own constructor has another type for. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** Options of {@link startRedisServer}. */
export interface RedisServerOptions {
  /** Lines of its configuration, above our own: `maxmemory 4mb`. */
  readonly config?: readonly string[];
  /** Lines of an ACL file: `user app on >secret ~app:* +get`. The default user stays as it is unless a line says otherwise. */
  readonly users?: readonly string[];
  /** More environment: {@link fakeTime} gives one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments after the configuration file: `--sentinel`. */
  readonly args?: readonly string[];
  /** Time within which it must answer. Milliseconds. @defaultValue 30_000 */
  readonly startLimitMs?: number;
}

/** A server of our own. */
export interface RedisServer extends RedisReadings {
  readonly host: '127.0.0.1';
  /** Stays the same over restarts. */
  readonly port: number;
  /** Its private folder. */
  readonly folder: string;
  readonly pid: number;
  isRunning(): boolean;
  /** What it has logged since it was last started. */
  output(): string;
  /**
   * A connection for the test itself, made when first asked for and again after a restart; not for what is tested.
   * While the server is paused its commands wait.
   */
  readonly admin: Redis;
  /** Makes a client that is closed with the server: `server.connect({ db: 1 })`. */
  connect(options?: ClientOptions): Redis;
  /** Stops it in its tracks with SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Kills it with SIGKILL. Its port refuses connections from then on. */
  kill(): Promise<void>;
  /** Takes a snapshot that {@link restart} can bring back. */
  save(): Promise<void>;
  /** Kills it if it still runs, and starts it at the same port: empty, or with the last {@link save snapshot}. */
  restart(how: { readonly empty: boolean }): Promise<void>;
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server and waits until it answers.
 *
 * @throws Error when there is no server program, or it does not answer in time, with its output.
 */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = redisProgram();
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const folder = privateFolder('redis');
    const server = new PrivateServer({ program, port, folder, options });
    try {
      await server.start();
      return Object.assign(
        server,
        redisReadings(() => server.admin),
      );
    } catch (error) {
      await server.stop();
      const isTaken = error instanceof Error && error.message.includes('Address already in use');
      if (!isTaken || attempt === 3) throw error;
    }
  }
}

// --- internal ---

const host = '127.0.0.1';

interface Plan {
  readonly program: string;
  readonly port: number;
  readonly folder: string;
  readonly options: RedisServerOptions;
}

class PrivateServer implements Omit<RedisServer, keyof RedisReadings> {
  readonly host = host;
  readonly port: number;
  readonly folder: string;
  readonly #plan: Plan;
  readonly #clients = new Set<Redis>();
  #admin: Redis | undefined;
  #running: TiedProcess | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.port = plan.port;
    this.folder = plan.folder;
  }

  get pid(): number {
    return this.#process().pid;
  }

  get admin(): Redis {
    this.#admin ??= this.#makeClient({ maxRetriesPerRequest: null });
    return this.#admin;
  }

  isRunning(): boolean {
    return this.#running?.isRunning() ?? false;
  }

  output(): string {
    return this.#running?.output() ?? '';
  }

  connect(options: ClientOptions = {}): Redis {
    const client = this.#makeClient(options);
    this.#clients.add(client);
    client.once('end', () => this.#clients.delete(client));
    return client;
  }

  pause(): void {
    this.#process().signal('SIGSTOP');
  }

  resume(): void {
    this.#process().signal('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#admin?.disconnect();
    this.#admin = undefined;
    await this.#running?.kill();
  }

  async save(): Promise<void> {
    await this.admin.save();
  }

  async start(): Promise<void> {
    this.#running = launch(this.#plan);
    await answers(this.#running, this.#plan);
  }

  async restart({ empty }: { readonly empty: boolean }): Promise<void> {
    await this.kill();
    if (empty) rmSync(`${this.folder}/dump.rdb`, { force: true });
    await this.start();
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #process(): TiedProcess {
    if (this.#running === undefined) throw new Error('the server has not been started');
    return this.#running;
  }

  #makeClient(options: ClientOptions): Redis {
    const client = new Redis({ host, port: this.port, ...options });
    client.on('error', () => {}); // a command that fails says so itself
    return client;
  }
}

function launch({ program, port, folder, options }: Plan): TiedProcess {
  const file = `${folder}/redis.conf`;
  if (!existsSync(file)) writeFileSync(file, configOf({ port, folder, options })); // Sentinel and CONFIG REWRITE write to it
  return spawnTied(program, [file, ...(options.args ?? [])], {
    cwd: folder,
    ...(options.env !== undefined && { env: options.env }),
  });
}

function configOf({ port, folder, options }: Omit<Plan, 'program'>): string {
  const isSentinel = options.args?.includes('--sentinel') === true;
  const lines = [`bind ${host}`, `port ${port}`, `dir ${folder}`, ...(options.config ?? [])];
  if (!isSentinel) lines.push('save ""', 'appendonly no', 'dbfilename dump.rdb');
  if (options.users !== undefined) {
    writeFileSync(`${folder}/users.acl`, `${options.users.join('\n')}\n`);
    lines.push(`aclfile ${folder}/users.acl`);
  }
  return `${lines.join('\n')}\n`;
}

async function answers(running: TiedProcess, { port, options }: Plan): Promise<void> {
  const limitMs = options.startLimitMs ?? 30_000;
  try {
    await eventually(
      async () => {
        if (!running.isRunning()) return 'ended' as const;
        return (await isAnswering(port)) && ('answers' as const);
      },
      { what: 'an answer of redis', limitMs, everyMs: 10 },
    );
    if (running.isRunning()) return;
  } catch (error) {
    await running.kill();
    throw new Error(`redis does not answer at port ${port} within ${limitMs} ms:\n${running.output()}`, {
      cause: error,
    });
  }
  await running.ended;
  throw new Error(`redis has ended:\n${running.output()}`);
}

/** Any answer but that it is still loading will do: who may do what is not asked here. */
function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data: Buffer) => end(!data.toString().startsWith('-LOADING')));
  });
}
