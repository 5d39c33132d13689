/**
 * Circuit panel: one circuit in full.
 *
 * @module
 */

import type { VNode } from 'preact';

import { pathOf } from '../api/admin-client.ts';
import type { Circuit, Ribbon } from '../api/answers.ts';
import { type ConsoleState, type Heard, elapsedMs, serviceTimeMs } from '../state/console-state.ts';
import { amount, duration, percent } from '../state/formats.ts';
import { timeAt } from '../browser.ts';
import { fragmentOf } from '../state/place.ts';
import { OutcomeChart, RibbonChart } from '../parts/charts.tsx';
import { CircuitStateLabel } from '../parts/marks.tsx';
import { Facts, Panel } from '../parts/panel.tsx';
import { HoldButtons, HoldNotes } from './circuit-holding.tsx';
import { useConsole } from './console-context.ts';
import { TuneButton } from './tuning.tsx';
import { useFresh } from './fresh.ts';

/** The panel of a circuit that is known from the list; figures are asked for while it is open. */
export function CircuitPanel({ heard }: { readonly heard: Heard<Circuit> }): VNode {
  const { state, nowMs } = useConsole();
  const listed = heard.value;
  const fresh = useFresh<Circuit>(pathOf('circuits', listed.id), listed.state);
  const { state: name, hold, fleetHold } = listed; // events tell these as they change
  const circuit = { ...(fresh ?? listed), state: name, hold, fleetHold };
  return (
    <Panel kind="Circuit" title={circuit.id} closesTo={fragmentOf('circuits')}>
      <p class="lead">
        <CircuitStateLabel state={circuit.state} />
        {circuit.tripReason !== undefined && (circuit.state === 'open' || circuit.state === 'half-open') && (
          <span class="hint">because of {circuit.tripReason}</span>
        )}
      </p>
      <HoldNotes circuit={circuit} heardFor={elapsedMs(heard, nowMs)} />
      <div class="buttons start">
        <HoldButtons circuit={circuit} />
        <TuneButton policyId={circuit.policyId} />
      </div>
      <Timeline state={state} circuit={circuit} nowMs={nowMs} />
      <Figures circuit={circuit} />
    </Panel>
  );
}

// --- internal ---

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
      <Changes ribbon={ribbon} nowMs={toMs} />
    </section>
  );
}

function Changes({ ribbon, nowMs }: { readonly ribbon: Ribbon; readonly nowMs: number }): VNode {
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
              <time>{timeAt(atMs, nowMs)}</time>
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
