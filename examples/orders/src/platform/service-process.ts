/**
 * Service process: one process of a service, started, asked how it is, stopped and killed. It does not outlive this process.
 *
 * @module
 */

import { type TiedProcess, spawnTied } from '../../../../test/redis-lab/tied-process.ts';
import type { TellHop } from '../contract/hop.ts';
import type { FromService, ToService } from '../service/program.ts';
import type { ServiceReading } from '../service/service.ts';
import type { ServiceName } from './service-build.ts';

/** One process. */
export interface ServiceProcess {
  readonly name: ServiceName;
  readonly pid: number;
  readonly port: number;
  readonly probesPort: number;
  /** Resolves with the last that it printed when it ends without having been asked to; never otherwise. */
  readonly died: Promise<string>;
  /** Asks what is under way in it. */
  read(): Promise<ServiceReading>;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<ServiceEnding>;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
}

/** How a process ended that was asked to. */
export interface ServiceEnding {
  /** 0 when nothing was left behind. */
  readonly code: number | null;
  readonly tookMs: number;
  /** The last that it printed. */
  readonly output: string;
}

/** What to start. */
export interface ServiceProgram {
  readonly name: ServiceName;
  readonly file: string;
  /** What it must know. */
  readonly plan: object;
}

/**
 * Starts a process and waits until it serves.
 *
 * @throws Error when it ends before, with its output.
 */
export async function startService({ name, file, plan }: ServiceProgram, tellHop: TellHop): Promise<ServiceProcess> {
  const tied = spawnTied(process.execPath, ['--enable-source-maps', file, JSON.stringify(plan)], { hasChannel: true });
  const pending = new Map<number, (reading: ServiceReading) => void>();
  let asked = 0;
  const ready = new Promise<Extract<FromService, { kind: 'ready' }>>((resolve, reject) => {
    tied.child.on('message', (message: FromService) => {
      if (message.kind === 'ready') resolve(message);
      else if (message.kind === 'hop') tellHop(message.hop);
      else answer(pending, message);
    });
    void tied.ended.then(() => reject(new Error(`${name} does not start:\n${tied.output()}`)));
  });
  const { port, probesPort } = await ready;
  let isAsked = false;
  const died = new Promise<string>((resolve) => void tied.ended.then(() => isAsked || resolve(tied.output())));
  return {
    name,
    pid: tied.pid,
    port,
    probesPort,
    died,
    read: () => ask(tied, pending, ++asked),
    stop() {
      isAsked = true;
      return stop(tied);
    },
    async kill() {
      isAsked = true;
      await tied.kill();
    },
  };
}

// --- internal ---

function answer(
  pending: Map<number, (reading: ServiceReading) => void>,
  { number, reading }: Extract<FromService, { kind: 'reading' }>,
): void {
  pending.get(number)?.(reading);
  pending.delete(number);
}

async function ask(
  { child, ended }: TiedProcess,
  pending: Map<number, (reading: ServiceReading) => void>,
  number: number,
): Promise<ServiceReading> {
  const reading = new Promise<ServiceReading>((resolve) => pending.set(number, resolve));
  if (child.connected) child.send({ kind: 'read', number } satisfies ToService, () => {});
  return Promise.race([
    reading,
    ended.then((): never => {
      throw new Error('the process has ended');
    }),
  ]);
}

async function stop(tied: TiedProcess): Promise<ServiceEnding> {
  const begunAt = performance.now();
  tied.signal('SIGTERM');
  const { code } = await tied.ended;
  return { code, tookMs: performance.now() - begunAt, output: tied.output() };
}
