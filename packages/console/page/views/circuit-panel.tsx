/**
 * Circuit panel: one circuit in full, and holding and releasing it.
 *
 * @module
 */

import type { VNode } from 'preact';

import { pathOf } from '../api/admin-client.ts';
import type { Circuit, Ribbon } from '../api/answers.ts';
import { type ConsoleState, type Heard, elapsedMs, serviceTimeMs } from '../state/console-state.ts';
import { amount, countdown, duration, percent } from '../state/formats.ts';
import { timeOfDay } from '../browser.ts';
import { fragmentOf } from '../state/place.ts';
import { ActButton, type Act } from '../parts/acting.tsx';
import { textOf } from '../parts/author-fields.tsx';
import { OutcomeChart, RibbonChart } from '../parts/charts.tsx';
import { CircuitStateLabel, STATE_NAMES } from '../parts/marks.tsx';
import { Facts, Panel } from '../parts/panel.tsx';
import { useConsole } from './console-context.ts';
import { TuneButton } from './tuning.tsx';
import { useFresh } from './fresh.ts';

/** The panel of a circuit that is known from the list; figures are asked for while it is open. */
export function CircuitPanel({ heard }: { readonly heard: Heard<Circuit> }): VNode {
  const { state, nowMs } = useConsole();
  const listed = heard.value;
  const fresh = useFresh<Circuit>(pathOf('circuits', listed.id), listed.state);
  const circuit = { ...(fresh ?? listed), state: listed.state, hold: listed.hold };
  return (
    <Panel kind="Circuit" title={circuit.id} closesTo={fragmentOf('circuits')}>
      <p class="lead">
        <CircuitStateLabel state={circuit.state} />
        {circuit.tripReason !== undefined && (circuit.state === 'open' || circuit.state === 'half-open') && (
          <span class="hint">because of {circuit.tripReason}</span>
        )}
      </p>
      <HoldNote circuit={circuit} heardFor={elapsedMs(heard, nowMs)} />
      <div class="buttons start">
        <ActButton text="Hold…" act={holdOf(circuit)} />
        {circuit.hold !== null && <ActButton text="Release…" act={releaseOf(circuit)} />}
        <TuneButton policyId={circuit.policyId} />
      </div>
      <Timeline state={state} circuit={circuit} nowMs={nowMs} />
      <Figures circuit={circuit} />
    </Panel>
  );
}

// --- internal ---

function HoldNote({ circuit: { hold, holds = [] }, heardFor }: { circuit: Circuit; heardFor: number }): VNode | null {
  const others = holds.filter(({ owner }) => owner !== 'admin' && owner !== 'console');
  if (hold === null && others.length === 0) return null;
  return (
    <div class="card held">
      {hold !== null && (
        <>
          <p>
            <b>{STATE_NAMES[`forced-${hold.state}`]}</b> by {hold.actor}, for{' '}
            <b>{countdown(hold.remainingMs - heardFor)}</b> more
          </p>
          <p class="said">{hold.reason}</p>
        </>
      )}
      {hold === null &&
        others.map(({ owner, state, reason }) => (
          <p key={owner}>
            Held {state} by {owner}
            {reason === undefined ? '' : `: ${reason}`}
          </p>
        ))}
    </div>
  );
}

function holdOf({ id }: Circuit): Act {
  return {
    method: 'PUT',
    path: pathOf('circuits', id, '/hold'),
    title: `Hold circuit ${id}`,
    about: 'Held open, every call is refused at once. Held closed, every call goes through, whatever comes of it.',
    verb: 'Hold',
    expires: true,
    fields: (
      <fieldset class="choices">
        <legend>State</legend>
        <label>
          <input type="radio" name="state" value="open" defaultChecked /> Open
        </label>
        <label>
          <input type="radio" name="state" value="closed" /> Closed
        </label>
      </fieldset>
    ),
    read: (form) => ({ state: textOf(form, 'state') }),
  };
}

function releaseOf({ id }: Circuit): Act {
  return {
    method: 'DELETE',
    path: pathOf('circuits', id, '/hold'),
    title: `Release circuit ${id}`,
    about: 'It goes on from where it would be, and decides by itself again.',
    verb: 'Release',
    expires: false,
  };
}

function Timeline(props: { readonly state: ConsoleState; readonly circuit: Circuit; readonly nowMs: number }): VNode {
  const { state, circuit } = props;
  const toMs = serviceTimeMs(state, props.nowMs);
  const heardMs = state.link.kind === 'lost' ? serviceTimeMs(state, state.link.sinceMs) : toMs;
  const ribbon = state.ribbons.get(circuit.id) ?? [];
  const view = { fromMs: toMs - 600_000, toMs, heardMs, width: 400, height: 32 };
  return (
    <section>
      <h3>Last 10 minutes</h3>
      <RibbonChart ribbon={ribbon} view={view} label="Last 10 minutes" />
      <h3>Calls, last 2 minutes</h3>
      <OutcomeChart
        samples={state.samples}
        rowOf={({ circuits }) => circuits[circuit.id]}
        view={{ count: 120, width: 400, height: 40 }}
        label="Last 2 minutes"
      />
      <p class="legend">
        <span class="key key-success">succeeded</span>
        <span class="key key-failure">failed</span>
        <span class="key key-refused">refused</span>
      </p>
      <Changes ribbon={ribbon} aheadMs={state.aheadMs} />
    </section>
  );
}

function Changes({ ribbon, aheadMs }: { readonly ribbon: Ribbon; readonly aheadMs: number }): VNode {
  return (
    <>
      <h3>Changes</h3>
      <ol class="changes">
        {ribbon
          .map(([atMs, state], index) => ({ atMs, state, untilMs: ribbon[index + 1]?.[0] }))
          .slice(-6)
          .toReversed()
          .map(({ atMs, state, untilMs }) => (
            <li key={`${atMs} ${state}`}>
              <time>{timeOfDay(atMs - aheadMs)}</time>
              <CircuitStateLabel state={state} />
              <span class="hint">{untilMs === undefined ? 'until now' : `for ${duration(untilMs - atMs)}`}</span>
            </li>
          ))}
      </ol>
    </>
  );
}

function Figures({ circuit }: { readonly circuit: Circuit }): VNode {
  const { pipelines } = useConsole().state;
  const within = pipelines.filter(({ policies }) => policies.some(({ id }) => id === circuit.policyId));
  const refused = Object.entries(circuit.rejections ?? {}).filter(([, count]) => count > 0);
  return (
    <section>
      <h3>Figures</h3>
      <Facts
        facts={[
          ['In its window', windowOf(circuit)],
          ['Since the start', totalsOf(circuit)],
          ['Refused', refused.map(([why, count]) => `${amount(count)} ${why}`).join(', ') || 'none'],
          ['Reopened', `${circuit.reopenings ?? 0} times in a row`],
          ['Enforcement', circuit.enforcement],
          ['Pipelines', within.map(({ name }) => name).join(', ') || (circuit.within ?? 'none')],
        ]}
      />
    </section>
  );
}

function windowOf({ calls = 0, failures = 0, slowCalls = 0 }: Circuit): string {
  return `${amount(calls)} calls, ${percent(calls === 0 ? 0 : failures / calls)} failed, ${amount(slowCalls)} slow`;
}

function totalsOf({ verdicts: { success = 0, failure = 0, ignored = 0 } = {} }: Circuit): string {
  return `${amount(success)} succeeded, ${amount(failure)} failed, ${amount(ignored)} ignored`;
}
