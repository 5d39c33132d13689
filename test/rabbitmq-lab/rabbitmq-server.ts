/**
 * RabbitMQ server: a private server for a test, on ports of its own, that can be killed, paused, blocked and restarted.
 *
 *   startRabbitmqServer() ──► running ── kill(), shutDown() ──► down ── restart() ──► running
 *
 * It listens on 127.0.0.1, has an Erlang name server (epmd), a cookie, a home and a data folder of its own, and ends with this
 * process, however this process ends.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { promisify } from 'node:util';

import { type ChannelModel, connect } from 'amqplib';

import { eventually } from '../redis-lab/eventually.ts';
import { freePort } from '../redis-lab/free-port.ts';
import { privateFolder } from '../redis-lab/private-folder.ts';
import { spawnTied, type TiedProcess } from '../redis-lab/tied-process.ts';
import { rabbitmqFolder } from './rabbitmq-program.ts';

/** Options of {@link startRabbitmqServer}. */
export interface RabbitmqServerOptions {
  /** Lines of `rabbitmq.conf` besides our own: `['consumer_timeout = 60000']`. */
  readonly config?: readonly string[];
}

/** A server of our own. */
export interface RabbitmqServer {
  readonly host: '127.0.0.1';
  /** Stays the same over restarts. */
  readonly port: number;
  /** What clients connect to. */
  readonly url: string;
  /** Its private folder. */
  readonly folder: string;
  /** Connects with amqplib; the connection is ended with the server, and its errors are nobody's unless somebody listens. */
  connect(): Promise<ChannelModel>;
  /** Runs `rabbitmqctl`; returns what it prints. */
  control(...args: readonly string[]): Promise<string>;
  /** Blocks every connection that publishes, as a server does whose memory is full. Returns what unblocks them. */
  block(): Promise<() => Promise<void>>;
  /** Has what was declared written down: a server keeps it for seconds in memory alone, so that `kill` would lose it. */
  writeDown(): Promise<void>;
  /** Closes every connection, as an operator does. */
  closeConnections(why: string): Promise<void>;
  /** SIGSTOP: it answers nothing, and loses nothing. */
  pause(): void;
  resume(): void;
  /** SIGKILL, in the middle of what it does; durable queues and confirmed persistent messages stay. */
  kill(): Promise<void>;
  /** SIGTERM: it closes its connections and stores everything. */
  shutDown(): Promise<void>;
  /** Starts it again at the same port, after `kill` or `shutDown`. */
  restart(): Promise<void>;
  /** What it has logged since it was last started. */
  output(): string;
  /** Ends it and removes everything of it. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server and waits until it takes connections, some four seconds.
 *
 * @throws Error when it does not start, with its output.
 */
export async function startRabbitmqServer(options: RabbitmqServerOptions = {}): Promise<RabbitmqServer> {
  const ports = { amqp: await freePort(), names: await freePort() };
  const server = new PrivateServer(ports, privateFolder('rabbitmq'), options);
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

// --- internal ---

const host = '127.0.0.1';
/** `freePort` promises this one above each to be free, too. */
const distributionOffset = 10_000;
const run = promisify(execFile);

class PrivateServer implements RabbitmqServer {
  readonly host = host;
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #namesPort: number;
  readonly #connections = new Set<ChannelModel>();
  #names: TiedProcess | undefined;
  #running: TiedProcess | undefined;

  constructor(ports: { amqp: number; names: number }, folder: string, { config = [] }: RabbitmqServerOptions) {
    this.port = ports.amqp;
    this.#namesPort = ports.names;
    this.url = `amqp://guest:guest@${host}:${ports.amqp}`;
    this.folder = folder;
    this.#environment = environmentOf(ports, folder);
    writeFileSync(
      `${folder}/rabbitmq.conf`,
      `${[`listeners.tcp.1 = ${host}:${ports.amqp}`, ...ownConfig, ...config].join('\n')}\n`,
    );
    writeFileSync(`${folder}/enabled_plugins`, '[].\n');
  }

  async restart(): Promise<void> {
    await this.kill();
    this.#names ??= this.#spawn('epmd', ['-port', `${this.#namesPort}`, '-address', host]);
    const running = this.#spawn('rabbitmq-server', []);
    this.#running = running;
    await eventually(() => !running.isRunning() || this.#answers(), {
      what: 'an answer of RabbitMQ',
      limitMs: 90_000,
      everyMs: 50,
    });
    if (running.isRunning()) return;
    await running.ended;
    throw new Error(`RabbitMQ does not start:\n${running.output()}`);
  }

  async connect(): Promise<ChannelModel> {
    const connection = await connect(this.url);
    connection.on('error', () => {});
    connection.on('close', () => this.#connections.delete(connection));
    this.#connections.add(connection);
    return connection;
  }

  async control(...args: readonly string[]): Promise<string> {
    const file = `${rabbitmqFolder()}/rabbitmqctl`;
    const { stdout } = await run(file, ['-q', '-n', nodeName, ...args], { env: this.#environment });
    return stdout;
  }

  async writeDown(): Promise<void> {
    await this.control('eval', 'mnesia:sync_log().');
  }

  async block(): Promise<() => Promise<void>> {
    await this.control('set_vm_memory_high_watermark', '0');
    return async () => void (await this.control('set_vm_memory_high_watermark', '0.6'));
  }

  async closeConnections(why: string): Promise<void> {
    await this.control('close_all_connections', why);
  }

  pause(): void {
    this.#running?.signal('SIGSTOP');
  }

  resume(): void {
    this.#running?.signal('SIGCONT');
  }

  async kill(): Promise<void> {
    await this.#running?.kill();
  }

  async shutDown(): Promise<void> {
    this.#running?.signal('SIGTERM');
    await this.#running?.ended;
  }

  output(): string {
    return this.#running?.output() ?? '';
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.#names?.kill();
    await Promise.allSettled([...this.#connections].map((connection) => connection.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #spawn(program: string, args: readonly string[]): TiedProcess {
    // found in PATH, which begins with the folder of the programs: epmd may be elsewhere
    return spawnTied('env', [program, ...args], { cwd: this.folder, env: this.#environment });
  }

  /** Whether it speaks AMQP: a server that is starting takes connections before it does. */
  async #answers(): Promise<boolean> {
    const socket = connectSocket(this.port, host);
    try {
      await once(socket, 'connect');
      socket.write('AMQP\0\0\u0009\u0001');
      await once(socket, 'data');
      return true;
    } finally {
      socket.destroy();
    }
  }
}

const nodeName = 'rabbit@localhost';

const ownConfig = [
  'disk_free_limit.absolute = 1MB',
  'vm_memory_high_watermark.relative = 0.6',
  'log.file = false',
  'log.console = true',
  'log.console.level = warning',
] as const;

function environmentOf(ports: { amqp: number; names: number }, folder: string): Readonly<Record<string, string>> {
  const program = rabbitmqFolder();
  return {
    PATH: `${program}:${process.env['PATH'] ?? ''}`,
    HOME: folder, // where Erlang keeps its cookie
    TMPDIR: folder,
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: `${ports.names}`,
    ERL_EPMD_ADDRESS: host,
    ERL_CRASH_DUMP_SECONDS: '0',
    RUNNING_UNDER_SYSTEMD: 'true', // the script becomes the server, so that signals reach it
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: `${ports.amqp + distributionOffset}`,
    RABBITMQ_CONF_ENV_FILE: `${folder}/none`,
    RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
    RABBITMQ_MNESIA_BASE: `${folder}/data`,
    RABBITMQ_LOG_BASE: `${folder}/log`,
    RABBITMQ_GENERATED_CONFIG_DIR: `${folder}/generated`,
  };
}
