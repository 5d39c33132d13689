/**
 * Doctor: what is not as it should be, in the order in which somebody on call wants to know it.
 *
 * @module
 */

import type { AdminClient } from './admin-client.ts';
import type { Printed } from './listing.ts';
import { holderWords, holdersOf } from './holders.ts';
import { plainText, plainTime } from './text-table.ts';

/** Something that somebody should know. */
interface Finding {
  /** `problem` is wrong now; `note` is as somebody wanted it. */
  readonly severity: 'problem' | 'note';
  readonly what: string;
}

/** Looks at everything. Returns what it found, and whether any of it is a problem. */
export async function examine(client: AdminClient): Promise<Printed & { readonly isWell: boolean }> {
  const { service, role } = await client.ask('GET', '/');
  const findings: Finding[] = [
    ...itemsOf(await client.ask('GET', '/circuits'), 'circuits').flatMap(circuitFindings),
    ...itemsOf(await client.ask('GET', '/features'), 'features').flatMap(featureFindings),
    ...levelFindings(await client.ask('GET', '/brownout')),
    ...itemsOf(await client.ask('GET', '/pipelines'), 'pipelines').flatMap(pipelineFindings),
  ];
  const isWell = findings.every(({ severity }) => severity === 'note');
  const head = `${plainText(service)} at ${client.url} answers; your role is ${plainText(role)}`;
  const lines = findings.map(({ severity, what }) => `${severity.padEnd(7)}  ${what}`);
  const text = [head, ...(lines.length === 0 ? ['nothing to report'] : lines)].join('\n');
  return { data: { service, role, url: client.url, isWell, findings }, text, isWell };
}

// --- internal ---

type Item = Readonly<Record<string, unknown>>;

function itemsOf(answer: Item, name: string): readonly Item[] {
  return (answer[name] ?? []) as readonly Item[];
}

function circuitFindings(circuit: Item): readonly Finding[] {
  const { id, state, remainingOpenMs, tripReason } = circuit;
  const name = `circuit ${plainText(id)}`;
  const holders = holdersOf(circuit).map(holderWords);
  if (state === 'forced-open' || state === 'forced-closed')
    return [{ severity: 'note', what: `${name} is ${state} ${holders.join('; and ') || 'by the service itself'}` }];
  if (state === 'unreadable')
    return [{ severity: 'problem', what: `${name} cannot be read: the service tells why in admin.failed` }];
  if (state === 'open' || state === 'half-open')
    return [
      {
        severity: 'problem',
        what: `${name} is ${state} (${plainText(tripReason)}), for ${plainTime(remainingOpenMs)}`,
      },
    ];
  return [];
}

function featureFindings({ name, mode, defaultMode, decidedBy, override, conflicts }: Item): readonly Finding[] {
  const found: Finding[] = [];
  const { actor, reason, remainingMs } = (override ?? {}) as Item;
  const what = `feature ${plainText(name)} is ${plainText(mode)}`;
  if (override !== undefined && mode !== defaultMode) {
    const why = `${plainText(decidedBy)}, ${plainText(actor)}: ${plainText(reason)}, for ${plainTime(remainingMs)}`;
    found.push({ severity: decidedBy === 'automatic' ? 'problem' : 'note', what: `${what} (${why})` });
  } else if (mode !== defaultMode) found.push({ severity: 'problem', what: `${what} (${plainText(decidedBy)})` });
  if (((conflicts ?? []) as readonly unknown[]).length > 0)
    found.push({ severity: 'problem', what: `feature ${plainText(name)} has overrides that contradict one another` });
  return found;
}

function levelFindings({ level, reason }: Item): readonly Finding[] {
  if (level === 0) return [];
  return [{ severity: 'problem', what: `the brownout level is ${plainText(level)} (${plainText(reason)})` }];
}

function pipelineFindings({ name, warnings }: Item): readonly Finding[] {
  const found = (warnings ?? []) as readonly Item[];
  return found.map(({ message }) => ({
    severity: 'problem',
    what: `pipeline ${plainText(name)}: ${plainText(message)}`,
  }));
}
