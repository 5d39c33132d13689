/**
 * Fleet member: the side of a {@link Fleet} that runs in each process.
 *
 *   serveFleet<CounterCommands, { from: number }>(({ settings }) => {
 *     let count = settings.from;
 *     return { add: (by: number) => (count += by) };
 *   });
 *
 * @module
 */

import type { FromMember, ToMember } from './fleet-message.ts';

/** What a process of a fleet can be asked: by name, with at most one argument. */
export type FleetCommands<C> = { readonly [K in keyof C]: (argument: never) => unknown };

/** What a process knows at its start. */
export interface MemberStart<S> {
  /** 0 for the first process of the fleet, and so on; never the same one twice. */
  readonly index: number;
  /** What the fleet was started with for this process. */
  readonly settings: S;
  /** Tells the fleet of an event, without an answer. */
  readonly tell: (event: string, value?: unknown) => void;
}

/**
 * Serves the commands that `setUp` returns, until the fleet ends the process. The process counts as started when `setUp` has
 * resolved. Whatever `setUp` throws ends the process.
 */
export function serveFleet<C extends FleetCommands<C>, S = undefined>(
  setUp: (start: MemberStart<S>) => C | Promise<C>,
): void {
  process.once('disconnect', () => process.exit(0)); // nobody is left to ask
  process.once('message', (message: ToMember) => {
    if (message.kind !== 'start') throw new Error('the first message is not the start');
    void serve(message, setUp);
  });
}

// --- internal ---

async function serve<C extends FleetCommands<C>, S>(
  { index, settings }: Extract<ToMember, { kind: 'start' }>,
  setUp: (start: MemberStart<S>) => C | Promise<C>,
): Promise<void> {
  const tell = (event: string, value?: unknown): void => send({ kind: 'told', event, value });
  const commands = await setUp({ index, settings: settings as S, tell });
  process.on('message', (message: ToMember) => {
    if (message.kind === 'ask') void answer(commands as unknown as Answering, message);
  });
  send({ kind: 'ready' });
}

type Answering = Readonly<Record<string, (argument: unknown) => unknown>>;

async function answer(commands: Answering, { id, name, argument }: Extract<ToMember, { kind: 'ask' }>): Promise<void> {
  try {
    const command = commands[name];
    if (command === undefined) throw new Error(`there is no command ${name}`);
    send({ kind: 'answer', id, value: await command(argument) });
  } catch (error) {
    send({ kind: 'failure', id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function send(message: FromMember): void {
  process.send?.(message);
}
