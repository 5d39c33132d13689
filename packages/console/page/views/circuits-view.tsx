/**
 * Circuits view: all circuits as a table that is chosen from, and the chosen one beside it.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import { type CircuitChoice, type StateCounts, circuitRows, countStates } from '../state/circuit-rows.ts';
import { fragmentOf } from '../state/place.ts';
import { ratesOf } from '../state/rates.ts';
import { amount, percent } from '../state/formats.ts';
import type { Sample } from '../api/answers.ts';
import { CircuitMark, STATE_NAMES } from '../parts/marks.tsx';
import { CircuitPanel } from './circuit-panel.tsx';
import { CircuitTable } from './circuit-table.tsx';
import { useConsole } from './console-context.ts';

/** The view; `chosen` is the id of a circuit. */
export function CircuitsView({ chosen }: { readonly chosen: string | undefined }): VNode {
  const { state } = useConsole();
  const [choice, setChoice] = useState<CircuitChoice>(START);
  const rows = useMemo(() => circuitRows(state, choice), [state, choice]);
  const heard = chosen === undefined ? undefined : state.circuits.get(chosen);
  return (
    <div class="view split">
      <section class="list" aria-label="All circuits">
        <Overview counts={countStates(state)} samples={state.samples} />
        <Filter choice={choice} onChoice={setChoice} shown={rows.length} total={state.circuits.size} />
        <CircuitTable rows={rows} choice={choice} onChoice={setChoice} chosen={chosen} />
      </section>
      {chosen !== undefined &&
        (heard === undefined ? (
          <aside class="panel">
            <p class="empty">There is no circuit {chosen}.</p>
            <a href={fragmentOf('circuits')}>All circuits</a>
          </aside>
        ) : (
          <CircuitPanel key={chosen} heard={heard} />
        ))}
    </div>
  );
}

// --- internal ---

const START: CircuitChoice = { text: '', states: 'all', sort: 'state', isDescending: false };

function Overview({ counts, samples }: { readonly counts: StateCounts; readonly samples: readonly Sample[] }): VNode {
  const rates = ratesOf(samples.slice(-10), ({ circuits }) => sumOf(Object.values(circuits)));
  return (
    <div class="figures">
      <dl>
        {(['open', 'half-open', 'forced-open', 'forced-closed', 'closed'] as const).map((name) => (
          <div key={name} class={`figure state-${name}${counts[name] === 0 ? ' none' : ''}`}>
            <dt>
              <CircuitMark state={name} />
              {STATE_NAMES[name]}
            </dt>
            <dd data-test={`count-${name}`}>{counts[name]}</dd>
          </div>
        ))}
        <div class="figure apart">
          <dt>Calls/s</dt>
          <dd>{amount(rates.callsPerSecond)}</dd>
        </div>
        <div class="figure">
          <dt>Failed</dt>
          <dd>{percent(rates.failureRatio)}</dd>
        </div>
        <div class="figure">
          <dt>Refused/s</dt>
          <dd>{amount(rates.refusedPerSecond)}</dd>
        </div>
      </dl>
    </div>
  );
}

function sumOf(rows: readonly (readonly number[])[]): readonly number[] {
  const sum = [0, 0, 0, 0];
  for (const row of rows) for (let index = 0; index < 4; index++) sum[index] = (sum[index] ?? 0) + (row[index] ?? 0);
  return sum;
}

function Filter(props: {
  readonly choice: CircuitChoice;
  readonly onChoice: (choice: CircuitChoice) => void;
  readonly shown: number;
  readonly total: number;
}): VNode {
  const { choice, onChoice, shown, total } = props;
  return (
    <div class="filter" role="search">
      <input
        type="search"
        aria-label="Filter circuits"
        placeholder="Filter by name, pipeline or state"
        value={choice.text}
        onInput={(event) => onChoice({ ...choice, text: event.currentTarget.value })}
      />
      <div class="segments" role="group" aria-label="States">
        {STATES.map(([states, words]) => (
          <button
            key={states}
            type="button"
            aria-pressed={choice.states === states}
            onClick={() => onChoice({ ...choice, states })}
          >
            {words}
          </button>
        ))}
      </div>
      <span class="hint" data-test="shown">
        {shown === total ? `${total} circuits` : `${shown} of ${total} circuits`}
      </span>
    </div>
  );
}

const STATES = [
  ['all', 'All'],
  ['not-closed', 'Not closed'],
  ['held', 'Held'],
] as const;
