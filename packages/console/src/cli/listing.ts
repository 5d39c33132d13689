/**
 * Listing: what `ls` and `show` print.
 *
 * @module
 */

import type { AdminClient } from './admin-client.ts';
import { usageError } from './command-error.ts';
import { type CommandLine, readPairs } from './command-line.ts';
import { holderInForce, holdersOf } from './holders.ts';
import { plainText, plainTime, textTable } from './text-table.ts';

/** What a command prints: the answer as data, and as text. */
export interface Printed {
  readonly data: unknown;
  readonly text: string;
}

/** Lists what `what` names; undefined stands for circuits and features. */
export async function list(client: AdminClient, what: string | undefined): Promise<Printed> {
  if (what === undefined) {
    const [circuits, features] = [await list(client, 'circuits'), await list(client, 'features')];
    return {
      data: { ...asObject(circuits.data), ...asObject(features.data) },
      text: `${circuits.text}\n\n${features.text}`,
    };
  }
  const row = Object.hasOwn(listings, what) ? listings[what] : undefined;
  if (row === undefined) throw usageError(`ls knows ${Object.keys(listings).join(', ')}, not ${JSON.stringify(what)}`);
  const answer = await client.ask('GET', row.path);
  const items = answer[what] as readonly Item[];
  return { data: { [what]: items }, text: textTable(row.heads, items.map(row.cells), what) };
}

/** Shows one thing in full. */
export async function show(client: AdminClient, what: string, name: string): Promise<Printed> {
  const path = Object.hasOwn(paths, what) ? paths[what] : undefined;
  if (path === undefined) throw usageError(`show knows ${Object.keys(paths).join(', ')}, not ${JSON.stringify(what)}`);
  const data = await client.ask('GET', `${path}/${encodeURIComponent(name)}`);
  if (what === 'pipeline') return { data, text: pipelineText(data) };
  if (what !== 'feature') return { data, text: fieldsText(data) };
  const explanation = await client.ask('GET', `${path}/${encodeURIComponent(name)}/explanation`);
  return { data: { ...data, explanation }, text: `${plainText(explanation['text'])}\n\n${fieldsText(data)}` };
}

/** Says why a feature is in its mode: for nobody in particular, or for one user. */
export async function explain(client: AdminClient, { words, options }: CommandLine): Promise<Printed> {
  const [feature = '', ...pairs] = words;
  const path = `/features/${encodeURIComponent(feature)}/explanation`;
  const { key } = options;
  if (key === undefined && pairs.length > 0) throw usageError('attributes are those of somebody: say who with --key');
  const body = key === undefined ? undefined : { key, attributes: readPairs(pairs) };
  const data = await client.ask(body === undefined ? 'GET' : 'POST', path, body);
  return { data, text: plainText(data['text']) };
}

// --- internal ---

type Item = Readonly<Record<string, unknown>>;

interface Listing {
  readonly path: string;
  readonly heads: readonly string[];
  readonly cells: (item: Item) => readonly unknown[];
}

const paths: Readonly<Record<string, string>> = {
  circuit: '/circuits',
  feature: '/features',
  pipeline: '/pipelines',
  policy: '/policies',
};

const listings: Readonly<Record<string, Listing>> = {
  circuits: {
    path: '/circuits',
    heads: ['CIRCUIT', 'STATE', 'CALLS', 'FAILURES', 'REFUSED', 'OPEN FOR', 'HELD IN', 'HELD BY', 'WHY'],
    cells: ({ id, state, verdicts, rejections, remainingOpenMs, hold, fleetHold }) => [
      id,
      state,
      sum(verdicts),
      asObject(verdicts)['failure'],
      sum(rejections),
      remainingOpenMs === 0 ? '-' : plainTime(remainingOpenMs),
      holdersOf({ hold, fleetHold })
        .map(({ scope }) => scope)
        .join(', ') || undefined,
      holderInForce({ state, hold, fleetHold })?.actor,
      holderInForce({ state, hold, fleetHold })?.reason,
    ],
  },
  features: {
    path: '/features',
    heads: ['FEATURE', 'MODE', 'DECIDED BY', 'FOR', 'BY', 'WHY', 'OWNER'],
    cells: ({ name, mode, decidedBy, override, owner }) => {
      const { remainingMs, actor, reason } = asObject(override);
      return [name, mode, decidedBy, plainTime(remainingMs), actor, reason, owner];
    },
  },
  pipelines: {
    path: '/pipelines',
    heads: ['PIPELINE', 'SUCCESS', 'FAILURE', 'REFUSED', 'CANCELLED', 'RUNNING', 'AT MOST', 'WARNINGS'],
    cells: ({ name, calls, worstCase, warnings }) => {
      const { success, failure, rejected, cancelled, running } = asObject(calls);
      const { maxTimeMs } = asObject(worstCase);
      const limit = typeof maxTimeMs === 'number' ? plainTime(maxTimeMs) : 'any time';
      return [name, success, failure, rejected, cancelled, running, limit, (warnings as readonly unknown[]).length];
    },
  },
  policies: {
    path: '/policies',
    heads: ['POLICY', 'KIND', 'WITHIN', 'ENFORCEMENT', 'CHANGEABLE'],
    cells: ({ id, kind, within, enforcement, isChangeable }) => [
      id,
      kind,
      within,
      enforcement,
      isChangeable === true ? 'yes' : 'no',
    ],
  },
  actions: {
    path: '/audit',
    heads: ['ACTION', 'AT', 'WHAT', 'OF', 'BY', 'WHY', 'UNDO'],
    cells: ({ id, at, kind, target, actor, reason, isUndoable, undoes }) => [
      id,
      at,
      undoes === undefined ? kind : `${plainText(kind)}, undoing ${plainText(undoes)}`,
      target,
      actor,
      reason,
      isUndoable === true ? 'yes' : 'no',
    ],
  },
};

function asObject(value: unknown): Item {
  return typeof value === 'object' && value !== null ? (value as Item) : {};
}

function sum(counts: unknown): number {
  return Object.values(asObject(counts)).reduce<number>((total, one) => total + Number(one), 0);
}

function fieldsText(data: Item): string {
  const width = Math.max(...Object.keys(data).map((name) => name.length));
  return Object.entries(data)
    .map(([name, value]) => `${name.padEnd(width)}  ${plainText(value)}`)
    .join('\n');
}

function pipelineText({ drawing, warnings, calls }: Item): string {
  const lines = String(drawing).split('\n').map(plainText);
  const found = (warnings as readonly Item[]).map(({ message }) => `warning: ${plainText(message)}`);
  return [...lines, `calls: ${plainText(calls)}`, ...found].join('\n');
}
