/**
 * Redis server: the Redis of the run: one of our own, which can be killed and comes back empty, or one that is there already.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { redisProgram } from './redis-program.ts';
import { until } from './waiting.ts';

/** The Redis of the run. */
export interface RedisServer {
  readonly url: string;
  /** Whether it is ours, so that we may kill it. */
  readonly isOurs: boolean;
  isUp(): boolean;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again at the same port, with nothing in it. */
  restart(): Promise<void>;
}

/**
 * Starts a server, or uses the one at `url`.
 *
 * @throws Error when there is no program to start, with what to do about it.
 */
export async function openRedis(url: string | undefined): Promise<RedisServer> {
  if (url !== undefined) return elsewhere(url);
  const server = new OwnServer(redisProgram(), await freePort());
  await server.restart();
  return server;
}

// --- internal ---

const host = '127.0.0.1';
const START_LIMIT_MS = 10_000;

function elsewhere(url: string): RedisServer {
  return { url, isOurs: false, isUp: () => true, kill: refuse, restart: refuse };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('this Redis is not ours to kill'));
}

class OwnServer implements RedisServer {
  readonly url: string;
  readonly isOurs = true;
  private readonly program: string;
  private readonly port: number;
  private child: ChildProcess | undefined = undefined;

  constructor(program: string, port: number) {
    this.program = program;
    this.port = port;
    this.url = `redis://${host}:${port}`;
  }

  isUp(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isUp()) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async restart(): Promise<void> {
    await this.kill();
    const settings = { bind: host, port: String(this.port), save: '', appendonly: 'no', dir: '/tmp' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const [program, ...before] = hasSetpriv() ? ['setpriv', '--pdeathsig', 'KILL', this.program] : [this.program];
    this.child = spawn(program ?? this.program, [...before, ...args], { stdio: 'ignore' });
    this.child.on('error', () => {}); // it does not answer then
    if (!(await answers(this.port))) throw new Error(`redis-server does not answer at ${this.url}`);
  }
}

/** Where there is `setpriv`, the server ends with us however we end. */
function hasSetpriv(): boolean {
  return spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;
}

async function answers(port: number): Promise<boolean> {
  let isAnswering = false;
  const ask = (): void => {
    const socket = connect(port, host, () => socket.write('PING\r\n'));
    socket.on('error', () => setTimeout(ask, 20));
    socket.on('data', () => {
      isAnswering = true;
      socket.destroy();
    });
  };
  ask();
  return (await until(() => isAnswering, { ms: START_LIMIT_MS })) !== undefined;
}

/**
 * A port below those that outgoing connections get: while the server is down, one of those could be given to somebody else,
 * or to a client of ours that then talks to itself.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, host);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
