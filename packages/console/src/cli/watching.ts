/**
 * Watching: the stream of events for a terminal or a program, over lost connections.
 *
 *   open ─► events ─► printed
 *     ▲        └── lost, ended, silent ─► wait ─► open again, after the last event
 *     └── not reached `MAX_TRIES` times in a row ─► CommandError
 *
 * Invariants
 *  (1) An event is printed once; where some were missed, that is said.
 *  (2) It ends when it is stopped, or its time is over, whatever the connection does.
 *
 * @module
 */

import type { AdminClient } from './admin-client.ts';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { type CommandLine, readTime } from './command-line.ts';
import type { CommandWorld } from './command-world.ts';
import { holderWords, holdersOf } from './holders.ts';
import { plainText, plainTime } from './text-table.ts';

/** An event of the stream. */
export interface StreamEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Prints events until it is stopped. Throws a CommandError where the API is not reached any more, or refuses. */
export async function watch(client: AdminClient, line: CommandLine, world: CommandWorld): Promise<void> {
  const types = line.words.length > 0 ? line.words : TYPES.filter((type) => type !== 'sample');
  const unknown = types.find((type) => !TYPES.includes(type));
  if (unknown !== undefined) throw usageError(`watch knows ${TYPES.join(', ')}, not ${JSON.stringify(unknown)}`);
  const end = new AbortController();
  const stop = (): void => end.abort();
  void world.untilStopped().then(stop);
  const forTime = line.options['for'];
  const timer = forTime === undefined ? undefined : world.clock.setTimer(stop, readTime('for', String(forTime)));
  try {
    await new Watch(client, world, { types, isJson: line.options['json'] === true, signal: end.signal }).run();
  } finally {
    timer?.cancel();
  }
}

/** Cuts events out of a text. Returns them, and what is left of the text. */
export function readEvents(text: string): { readonly events: readonly StreamEvent[]; readonly rest: string } {
  const blocks = text.split('\n\n');
  const rest = blocks.pop() ?? '';
  return { events: blocks.map(eventOf).filter((event) => event !== undefined), rest };
}

// --- internal ---

const TYPES: readonly string[] = ['circuit', 'feature', 'level', 'policy', 'action', 'sample'];
const MAX_TRIES = 5;
const RETRY_MS = 1000;

/** The API gives a sign of life every 5 s. */
const SILENCE_MS = 20_000;

interface Watching {
  readonly types: readonly string[];
  readonly isJson: boolean;
  readonly signal: AbortSignal;
}

class Watch {
  readonly #client: AdminClient;
  readonly #world: CommandWorld;
  readonly #watching: Watching;
  #lastId: string | undefined = undefined;
  #tries = 0;

  constructor(client: AdminClient, world: CommandWorld, watching: Watching) {
    this.#client = client;
    this.#world = world;
    this.#watching = watching;
  }

  async run(): Promise<void> {
    const { signal } = this.#watching;
    while (!signal.aborted) {
      await this.#followOnce();
      if (!signal.aborted) await this.#pause();
    }
  }

  /** Follows the stream until it ends, for whatever reason. */
  async #followOnce(): Promise<void> {
    const connection = new AbortController();
    const stop = (): void => connection.abort();
    this.#watching.signal.addEventListener('abort', stop); // (2)
    try {
      const stream = await this.#client.open(this.#lastId, connection.signal);
      this.#tries = 0;
      await this.#print(stream, stop);
    } catch (error) {
      if (!this.#watching.signal.aborted) this.#survive(error);
    } finally {
      this.#watching.signal.removeEventListener('abort', stop);
    }
  }

  /** Throws what there is no use in trying again. */
  #survive(error: unknown): void {
    const isFinal = error instanceof CommandError && error.exitCode !== exitCodes.unreached && error.code !== BUSY;
    if (isFinal || ++this.#tries >= MAX_TRIES) throw error;
    this.#world.warn('the connection is lost; trying again');
  }

  async #print(stream: ReadableStream<Uint8Array>, stop: () => void): Promise<void> {
    const decoder = new TextDecoder();
    const { clock } = this.#world;
    let text = '';
    let silence = clock.setTimer(stop, SILENCE_MS);
    try {
      for await (const chunk of stream) {
        silence.cancel();
        silence = clock.setTimer(stop, SILENCE_MS);
        const { events, rest } = readEvents(text + decoder.decode(chunk, { stream: true }));
        text = rest;
        for (const event of events) this.#printEvent(event);
      }
    } finally {
      silence.cancel();
    }
  }

  #printEvent(event: StreamEvent): void {
    const { id, type, data } = event;
    if (type === 'hello' && this.#lastId !== undefined && data['isResumed'] === false)
      this.#world.warn('events were missed'); // (1)
    this.#lastId = id ?? this.#lastId;
    const { types, isJson } = this.#watching;
    if (!types.includes(type)) return;
    this.#world.print(isJson ? JSON.stringify({ type, id, data }) : `${type.padEnd(7)}  ${wordsOf(event)}`);
  }

  /** Waits a moment, or until it is stopped. */
  #pause(): Promise<void> {
    const { signal } = this.#watching;
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.#world.clock.setTimer(end, RETRY_MS);
      signal.addEventListener('abort', end);
    });
  }
}

const BUSY = 'TOO_MANY_WATCHERS';

function eventOf(block: string): StreamEvent | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
  const [type, data] = [field('event'), field('data')];
  if (type === undefined || data === undefined) return undefined;
  return { id: field('id'), type, data: JSON.parse(data) as StreamEvent['data'] };
}

function wordsOf({ type, data }: StreamEvent): string {
  const words = Object.hasOwn(sentences, type) ? sentences[type] : undefined;
  return plainText(words === undefined ? data : words(data));
}

const said = (value: unknown): string => plainText(value);

const sentences: Readonly<Record<string, (data: StreamEvent['data']) => string>> = {
  circuit: ({ id, from, to, reason, ...holds }) => {
    const change = from === to ? said(to) : `${said(from)} -> ${said(to)}`;
    const why = [...(reason === undefined ? [] : [said(reason)]), ...holdersOf(holds).map(holderWords)];
    return `${said(id)}: ${change}${why.length === 0 ? '' : ` (${why.join('; ')})`}`;
  },
  feature: ({ name, mode, decidedBy, override }) => {
    const { actor, reason, remainingMs } = (override ?? {}) as StreamEvent['data'];
    const why = override === undefined ? '' : `, ${said(actor)}: ${said(reason)}, for ${plainTime(remainingMs)}`;
    return `${said(name)}: ${said(mode)} (${said(decidedBy)}${why})`;
  },
  level: ({ from, level, reason }) => `${said(from)} -> ${said(level)} (${said(reason)})`,
  policy: ({ id, options }) => `${said(id)}: ${said(options)}`,
  action: ({ id, kind, target, actor, reason }) =>
    `${said(id)}: ${said(kind)} ${said(target)} by ${said(actor)}: ${said(reason)}`,
};
