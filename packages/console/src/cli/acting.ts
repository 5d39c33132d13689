/**
 * Acting: the commands that change something.
 *
 * @module
 */

import type { AdminClient } from './admin-client.ts';
import { usageError } from './command-error.ts';
import { type CommandLine, readPairs, readTime } from './command-line.ts';
import type { CommandWorld } from './command-world.ts';
import type { Printed } from './listing.ts';
import { holderWords, holdersOf, placeWords } from './holders.ts';
import { plainText, plainTime } from './text-table.ts';

/** A command that changes something. */
type ActingCommand = (client: AdminClient, line: CommandLine, world: CommandWorld) => Promise<Printed>;

/** The commands by name. */
export const actingCommands: Readonly<Record<string, ActingCommand>> = Object.freeze<Record<string, ActingCommand>>({
  async hold(client, { words: [circuit = ''], options }, world) {
    const state = options['state'] ?? 'open';
    const expiresInMs = readTime('for', String(options['for']));
    const body = { state, expiresInMs, ...scopeOf(options), ...authorOf(options, world) };
    const data = await client.ask('PUT', `/circuits/${encodeURIComponent(circuit)}/hold`, body);
    const held = `forced-${plainText(state)}`;
    const words = `${plainText(circuit)} is ${held} ${placeWords(data)} for ${plainTime(expiresInMs)}`;
    const here = data['state'] === held ? '' : `; here it is ${plainText(data['state'])}`;
    return { data, text: `${words}${confirmedWords(data)}${here}${othersWords(data)}${undoWords(data)}` };
  },

  async release(client, { words: [circuit = ''], options }, world) {
    const body = { ...scopeOf(options), ...authorOf(options, world) };
    const data = await client.ask('DELETE', `/circuits/${encodeURIComponent(circuit)}/hold`, body);
    const left = holdersOf(data).map((holder) => `; it is still held ${holderWords(holder)}`);
    const words = `${plainText(circuit)} is released ${placeWords(data)}${confirmedWords(data)}`;
    return { data, text: `${words}; here it is ${plainText(data['state'])}${left.join('')}${undoWords(data)}` };
  },

  async set(client, { words: [feature = '', mode = ''], options }, world) {
    const expiresInMs = readTime('for', String(options['for']));
    const body = {
      mode,
      expiresInMs,
      ...authorOf(options, world),
      ...(options['kind'] !== undefined && { kind: options['kind'] }),
      ...(options['share'] !== undefined && { shareRatio: numberOf('share', options['share']) }),
      ...(options['if-revision'] !== undefined && { ifRevision: numberOf('if-revision', options['if-revision']) }),
    };
    const data = await client.ask('PUT', `/features/${encodeURIComponent(feature)}`, body);
    const now = data['mode'] === mode ? '' : `; for nobody in particular it is ${plainText(data['mode'])}`;
    const words = `${plainText(feature)} is set to ${plainText(mode)} for ${plainTime(expiresInMs)}${now}`;
    return { data, text: words + undoWords(data) };
  },

  async restore(client, { words: [feature = ''], options }, world) {
    const body = { ...authorOf(options, world), ...(options['id'] !== undefined && { id: options['id'] }) };
    const data = await client.ask('DELETE', `/features/${encodeURIComponent(feature)}`, body);
    return { data, text: `${plainText(feature)} is in mode ${plainText(data['mode'])}${undoWords(data)}` };
  },

  async tune(client, { words: [policy = '', ...pairs], options }, world) {
    const changes = readPairs(pairs);
    const path = `/policies/${encodeURIComponent(policy)}`;
    const difference = await client.ask('POST', `${path}/difference`, { changes });
    const text = differenceText(difference);
    if (options['dry-run'] === true) return { data: difference, text };
    if (!options['reason']) throw usageError('tune needs --reason, or --dry-run');
    const data = await client.ask('PATCH', path, { changes, ...authorOf(options, world) });
    return { data: { ...data, ...difference }, text: `${text}\ndone${undoWords(data)}` };
  },

  async undo(client, { words: [id = ''], options }, world) {
    const data = await client.ask('POST', `/actions/${encodeURIComponent(id)}/undo`, authorOf(options, world));
    const { kind, target, id: own } = data['action'] as Record<string, unknown>;
    return {
      data,
      text: `action ${plainText(id)} is undone by action ${plainText(own)}: ${plainText(kind)} ${plainText(target)}`,
    };
  },
});

// --- internal ---

type Options = CommandLine['options'];

function authorOf(options: Options, { env }: CommandWorld): { readonly actor: string; readonly reason: string } {
  const actor = options['actor'] ?? env['HOLDFAST_ACTOR'] ?? env['USER'] ?? env['LOGNAME'] ?? env['USERNAME'];
  if (typeof actor !== 'string' || actor === '') throw usageError('who are you? say so with --actor or HOLDFAST_ACTOR');
  return { actor, reason: String(options['reason']) };
}

/** Where it is to be done; where nothing is said, the API does it in its own process. */
function scopeOf({ fleet }: Options): { readonly scope?: 'fleet' } {
  return fleet === true ? { scope: 'fleet' } : {};
}

function confirmedWords({ confirmedBy }: Record<string, unknown>): string {
  return confirmedBy === 'store' ? ', confirmed by the store' : '';
}

/** Says of what was done in one process how many others there are. */
function othersWords({ scope, nodes }: Record<string, unknown>): string {
  const others = typeof nodes === 'number' ? nodes - 1 : 0;
  if (scope === 'fleet' || others < 1) return '';
  const words =
    others === 1 ? 'the other process that shares circuits is' : `the ${others} others that share circuits are`;
  return `; ${words} not held: --fleet holds all`;
}

function numberOf(option: string, text: unknown): number {
  const number = Number(text);
  if (typeof text === 'string' && text.trim() !== '' && Number.isFinite(number)) return number;
  throw usageError(`--${option} must be a number, got ${JSON.stringify(text)}`);
}

function differenceText({ differences, isUndoable }: Record<string, unknown>): string {
  const lines = (differences as readonly Record<string, unknown>[]).map(
    ({ option, from, to }) => `${plainText(option)}: ${plainText(from)} -> ${plainText(to)}`,
  );
  if (lines.length === 0) return 'nothing would change';
  return isUndoable === true ? lines.join('\n') : `${lines.join('\n')}\n(cannot be undone)`;
}

function undoWords({ actionId }: Record<string, unknown>): string {
  return ` (action ${plainText(actionId)}: holdfast undo ${plainText(actionId)} --reason ...)`;
}
