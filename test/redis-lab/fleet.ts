/**
 * Fleet: Node.js processes of one module that are asked, paused and killed by a test, and none of which outlives it.
 *
 *   await using fleet = await startFleet<CounterCommands>({ module: new URL('counter-member.ts', import.meta.url), count: 20 });
 *   await fleet.askAll('add', 1);
 *   fleet.member(3).pause();
 *
 * @module
 */

import { fileURLToPath } from 'node:url';

import { repository } from '../repository.ts';
import { withinMs } from './eventually.ts';
import type { FleetCommands } from './fleet-member.ts';
import type { FromMember, ToMember } from './fleet-message.ts';
import { type SourceEdit, memberProgram } from './member-program.ts';
import { type Ending, spawnTied, type TiedProcess } from './tied-process.ts';

/** An event that a process has told. */
export interface Telling {
  /** Index of the process. */
  readonly index: number;
  readonly event: string;
  readonly value: unknown;
}

/** Options of {@link startFleet}. */
export interface FleetOptions {
  /** The module that calls `serveFleet`. */
  readonly module: URL;
  readonly count: number;
  /** What a process gets as its `settings`; nothing without it. */
  readonly settings?: (index: number) => unknown;
  /** Called with what a process tells. */
  readonly told?: (telling: Telling) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node.js: `--expose-gc`. */
  readonly nodeFlags?: readonly string[];
  /**
   * `bundle` starts a process in about a tenth of a second; `source` runs the module where it is, which takes a multiple.
   * @defaultValue 'bundle'
   */
  readonly from?: 'bundle' | 'source';
  /** Makes the bundle of other sources than those that are here: a neighbour release. */
  readonly edits?: readonly SourceEdit[];
  /** Time within which all must have started. Milliseconds. @defaultValue 60_000 */
  readonly startLimitMs?: number;
}

/** The one argument of a command, or none. */
type Argument<F> = F extends (...args: infer A) => unknown ? A : never;
type Answer<F> = F extends (...args: never) => infer R ? Awaited<R> : never;

/** One process of a fleet. */
interface FleetMember<C extends FleetCommands<C>> {
  readonly index: number;
  readonly pid: number;
  isRunning(): boolean;
  /**
   * Asks the process.
   *
   * @throws Error what the command has thrown, with its stack there.
   * @throws Error when the process ends before it answers, with its output, or does not answer within 60 seconds.
   */
  ask<K extends keyof C & string>(name: K, ...argument: Argument<C[K]>): Promise<Answer<C[K]>>;
  /** Stops it in its tracks with SIGSTOP. */
  pause(): void;
  resume(): void;
  /** Kills it with SIGKILL, also when it is paused. */
  kill(): Promise<Ending>;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<Ending>;
  /** The last that it printed. */
  output(): string;
}

/** Processes of one module. */
export interface Fleet<C extends FleetCommands<C>> {
  /** All of them, those that have ended too, by index. */
  readonly members: readonly FleetMember<C>[];
  /** The one with this index. */
  member(index: number): FleetMember<C>;
  /** Those that have not ended. */
  running(): FleetMember<C>[];
  /** Asks all that have not ended; answers are in the order of {@link running}. */
  askAll<K extends keyof C & string>(name: K, ...argument: Argument<C[K]>): Promise<Answer<C[K]>[]>;
  /** Starts more, with the indices that follow. */
  add(count: number): Promise<FleetMember<C>[]>;
  /** The last that each has printed, under its index; nothing of those that were silent. */
  output(): string;
  /** Kills all. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts processes and waits until all are ready.
 *
 * @throws Error when one does not start in time, with what it has printed; none is left then.
 */
export async function startFleet<C extends FleetCommands<C>>(options: FleetOptions): Promise<Fleet<C>> {
  const fleet = new LiveFleet<C>(options);
  await fleet.add(options.count);
  return fleet;
}

// --- internal ---

const askLimitMs = 60_000;
const startLimitMs = 60_000;

class LiveFleet<C extends FleetCommands<C>> implements Fleet<C> {
  readonly members: LiveMember<C>[] = [];
  readonly #options: FleetOptions;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  member(index: number): LiveMember<C> {
    const member = this.members[index];
    if (member === undefined) throw new RangeError(`there is no member ${index} of ${this.members.length}`);
    return member;
  }

  running(): LiveMember<C>[] {
    return this.members.filter((member) => member.isRunning());
  }

  askAll<K extends keyof C & string>(name: K, ...argument: Argument<C[K]>): Promise<Answer<C[K]>[]> {
    return Promise.all(this.running().map((member) => member.ask(name, ...argument)));
  }

  async add(count: number): Promise<LiveMember<C>[]> {
    const args = await nodeArguments(this.#options);
    const first = this.members.length;
    const added = Array.from({ length: count }, (_, at) => new LiveMember<C>(first + at, args, this.#options));
    this.members.push(...added);
    const { startLimitMs: limitMs = startLimitMs } = this.#options;
    try {
      await Promise.all(added.map((member) => withinMs(member.ready, limitMs, `start of member ${member.index}`)));
      return added;
    } catch (error) {
      await this.stop();
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${this.output()}`, { cause: error });
    }
  }

  output(): string {
    const spoken = this.members.filter((member) => member.output() !== '');
    return spoken.map((member) => `--- member ${member.index} ---\n${member.output()}`).join('\n');
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class LiveMember<C extends FleetCommands<C>> implements FleetMember<C> {
  readonly index: number;
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** Settles when it is ready or has ended before. */
  readonly ready: Promise<void>;
  readonly #process: TiedProcess;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(index: number, args: readonly string[], { env = {}, settings, told = () => {} }: FleetOptions) {
    this.index = index;
    this.#process = spawnTied(process.execPath, args, { cwd: repository, env, hasChannel: true });
    this.pid = this.#process.pid;
    this.ended = this.#process.ended;
    this.ready = new Promise((resolve, reject) => {
      this.#asked.set(0, { resolve: () => resolve(), reject });
    });
    this.ready.catch(() => {}); // told to whoever starts it
    this.#process.child.on('message', (message: FromMember) => this.#hear(message, told));
    void this.ended.then((ending) => this.#end(ending));
    this.#send({ kind: 'start', index, settings: settings?.(index) });
  }

  isRunning(): boolean {
    return this.#process.isRunning();
  }

  ask<K extends keyof C & string>(name: K, ...[argument]: Argument<C[K]>): Promise<Answer<C[K]>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      if (this.isRunning()) this.#send({ kind: 'ask', id, name, argument });
      else reject(new Error(`member ${this.index} has ended, and cannot be asked to ${name}`));
    });
    return withinMs(answer as Promise<Answer<C[K]>>, askLimitMs, `${name} of member ${this.index}`);
  }

  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  kill(): Promise<Ending> {
    return this.#process.kill();
  }

  output(): string {
    return this.#process.output();
  }

  #send(message: ToMember): void {
    this.#process.child.send(message, () => {}); // one that cannot be sent any more is settled by the end
  }

  #hear(message: FromMember, told: (telling: Telling) => void): void {
    switch (message.kind) {
      case 'told':
        return told({ index: this.index, event: message.event, value: message.value });
      case 'ready':
        return this.#take(0)?.resolve(undefined);
      case 'answer':
        return this.#take(message.id)?.resolve(message.value);
      case 'failure':
        return this.#take(message.id)?.reject(new Error(`member ${this.index}: ${message.error}`));
      default:
        return message satisfies never;
    }
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  #end({ code, signal }: Ending): void {
    const error = new Error(`member ${this.index} has ended with ${signal ?? String(code)}:\n${this.output()}`);
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}

async function nodeArguments({ module, nodeFlags = [], from = 'bundle', edits }: FleetOptions): Promise<string[]> {
  const file = fileURLToPath(module);
  if (from === 'bundle') return [...nodeFlags, await memberProgram(file, edits)];
  return [...nodeFlags, '--conditions=@holdfast/source', '--import', 'tsx', file];
}
