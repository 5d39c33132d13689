/**
 * Audit view: who did what and why, newest first, and undoing it.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { pathOf } from '../api/admin-client.ts';
import type { Action } from '../api/answers.ts';
import { type FeatureEntry, serviceTimeMs } from '../state/console-state.ts';
import { deedOf } from '../state/deeds.ts';
import { isolated } from '../state/formats.ts';
import { timeAt } from '../browser.ts';
import { ActButton } from '../parts/acting.tsx';
import { useConsole } from './console-context.ts';

/** The view. */
export function AuditView(): VNode {
  const { state } = useConsole();
  const [text, setText] = useState('');
  const [scope, setScope] = useState<'done-here' | 'features'>('done-here');
  const wanted = text.trim().toLowerCase();
  const isWanted = (value: object): boolean => Object.values(value).join('\n').toLowerCase().includes(wanted);
  return (
    <div class="view">
      <section class="list" aria-label="Audit">
        <div class="filter" role="search">
          <input
            type="search"
            aria-label="Filter the audit"
            placeholder="Filter by who, what or why"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <div class="segments" role="group" aria-label="Trail">
            <button type="button" aria-pressed={scope === 'done-here'} onClick={() => setScope('done-here')}>
              Done here ({state.actions.length})
            </button>
            <button type="button" aria-pressed={scope === 'features'} onClick={() => setScope('features')}>
              All changes of features ({state.entries.length})
            </button>
          </div>
        </div>
        {scope === 'done-here' ? (
          <ActionTable actions={state.actions.filter(isWanted)} />
        ) : (
          <EntryTable entries={state.entries.filter(isWanted)} />
        )}
      </section>
    </div>
  );
}

// --- internal ---

/** More than this nobody reads; the rest is in the API. */
const MAX_SHOWN = 200;

function ActionTable({ actions }: { readonly actions: readonly Action[] }): VNode {
  const { state, nowMs } = useConsole();
  const serviceNowMs = serviceTimeMs(state, nowMs);
  const undone = new Set(state.actions.map(({ undoes }) => undoes));
  return (
    <div class="scroll">
      <table class="rows audit">
        <caption class="unseen">What was done here, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Why</th>
            <th scope="col">Role</th>
            <th scope="col">Undo</th>
          </tr>
        </thead>
        <tbody>
          {newestOf(actions).map((action) => (
            <tr key={action.id} data-test="action">
              <td class="number left">
                <time title={action.at}>{timeAt(action.at, serviceNowMs)}</time>
              </td>
              <th scope="row">
                <bdi>{action.actor}</bdi>
              </th>
              <td title={deedOf(action)}>{deedOf(action)}</td>
              <td class="note" title={action.reason}>
                <bdi>{action.reason}</bdi>
              </td>
              <td class="note">{action.role}</td>
              <td>
                {undone.has(action.id) ? (
                  <span class="note">undone</span>
                ) : (
                  action.isUndoable && <Undo action={action} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {actions.length === 0 && <p class="empty">Nothing was done here yet.</p>}
    </div>
  );
}

function Undo({ action }: { readonly action: Action }): VNode {
  return (
    <ActButton
      text="Undo…"
      label={`Undo: ${action.actor} ${deedOf(action)}`}
      act={{
        method: 'POST',
        path: pathOf('actions', action.id, '/undo'),
        title: 'Undo what was done',
        about: `${isolated(action.actor)} ${deedOf(action)}. It goes back to what was before, if nothing has changed since.`,
        verb: 'Undo',
        expires: false,
      }}
    />
  );
}

function EntryTable({ entries }: { readonly entries: readonly FeatureEntry[] }): VNode {
  const { state, nowMs } = useConsole();
  const serviceNowMs = serviceTimeMs(state, nowMs);
  return (
    <div class="scroll">
      <table class="rows audit">
        <caption class="unseen">All changes of features, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Who</th>
            <th scope="col">Feature</th>
            <th scope="col">From, to</th>
            <th scope="col">Why</th>
            <th scope="col">How</th>
          </tr>
        </thead>
        <tbody>
          {newestOf(entries).map(({ at, actor, feature, from, to, reason, cause, hash }) => (
            <tr key={hash}>
              <td class="number left">
                <time title={at}>{timeAt(at, serviceNowMs)}</time>
              </td>
              <th scope="row">
                <bdi>{actor}</bdi>
              </th>
              <td>{feature}</td>
              <td>
                {from} → {to}
              </td>
              <td class="note">{reason}</td>
              <td class="note">{cause}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {entries.length === 0 && <p class="empty">No feature has changed yet.</p>}
    </div>
  );
}

function newestOf<Entry>(entries: readonly Entry[]): readonly Entry[] {
  return entries.slice(-MAX_SHOWN).toReversed();
}
