/**
 * Circuit table: one row per circuit, of which those in view are drawn.
 *
 * Keys, on a row: up and down go to the next one, Home and End to the ends, Enter opens it.
 *
 * One row can be reached by Tab: the chosen one, or else the first that is drawn.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Circuit } from '../api/answers.ts';
import type { CircuitChoice, CircuitRow, CircuitSort } from '../state/circuit-rows.ts';
import { elapsedMs, serviceTimeMs } from '../state/console-state.ts';
import { amount, countdown, percent } from '../state/formats.ts';
import { heldWords } from '../state/holds.ts';
import { fragmentOf } from '../state/place.ts';
import { visibleRows } from '../state/visible-rows.ts';
import { OutcomeChart, RibbonChart } from '../parts/charts.tsx';
import { CircuitStateLabel } from '../parts/marks.tsx';
import { useConsole } from './console-context.ts';

/** The table. */
export function CircuitTable(props: {
  readonly rows: readonly CircuitRow[];
  readonly choice: CircuitChoice;
  readonly onChoice: (choice: CircuitChoice) => void;
  readonly chosen: string | undefined;
}): VNode {
  const { rows, choice, onChoice, chosen } = props;
  const place = useRef<HTMLDivElement>(null);
  const window = useWindow(place);
  const { first, end } = visibleRows(rows.length, ROW_HEIGHT, window);
  const shown = rows.slice(first, end);
  const reachable = shown.find(({ circuit }) => circuit.id === chosen) ?? shown[0];
  return (
    <div class="scroll" ref={place} onKeyDown={(event) => move(event, place.current)}>
      <table class="rows circuits" aria-rowcount={rows.length + 1}>
        <caption class="unseen">Circuits; Enter opens one</caption>
        <Columns />
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map(({ name, title, sort, isNumber }) => (
              <th key={name} scope="col" class={isNumber ? 'number' : ''} aria-sort={sortOf(choice, sort)}>
                {sort === undefined ? (
                  title
                ) : (
                  <button type="button" class="sort" onClick={() => onChoice(sortedBy(choice, sort))}>
                    {title}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <Gap key="before" rowCount={first} />}
          {shown.map((row, index) => (
            <Row
              key={row.circuit.id}
              row={row}
              rowIndex={first + index + 2}
              isChosen={row.circuit.id === chosen}
              isReachable={row === reachable}
            />
          ))}
          {end < rows.length && <Gap key="after" rowCount={rows.length - end} />}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">No circuit is like that.</p>}
    </div>
  );
}

// --- internal ---

/** As in the style sheet. Pixels. */
const ROW_HEIGHT = 34;

/** What the ribbon of a row shows. Milliseconds. */
const RIBBON_MS = 300_000;

interface Column {
  readonly name: string;
  readonly title: string;
  readonly sort?: CircuitSort;
  readonly isNumber?: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: 'state', title: 'State', sort: 'state' },
  { name: 'name', title: 'Circuit', sort: 'name' },
  { name: 'ribbon', title: 'Last 5 minutes' },
  { name: 'outcomes', title: 'Last minute' },
  { name: 'calls', title: 'Calls/s', sort: 'calls', isNumber: true },
  { name: 'failures', title: 'Failed', sort: 'failures', isNumber: true },
  { name: 'refused', title: 'Refused/s', sort: 'refused', isNumber: true },
  { name: 'note', title: 'Next' },
];

function Columns(): VNode {
  return (
    <colgroup>
      {COLUMNS.map(({ name }) => (
        <col key={name} class={`col-${name}`} />
      ))}
    </colgroup>
  );
}

function sortOf(choice: CircuitChoice, sort: CircuitSort | undefined): 'ascending' | 'descending' | undefined {
  if (sort === undefined || choice.sort !== sort) return undefined;
  return choice.isDescending ? 'descending' : 'ascending';
}

/** Numbers are sorted from the top at first, words from the front; again, the other way. */
function sortedBy(choice: CircuitChoice, sort: CircuitSort): CircuitChoice {
  const isDescending = choice.sort === sort ? !choice.isDescending : sort !== 'state' && sort !== 'name';
  return { ...choice, sort, isDescending };
}

function Gap({ rowCount }: { readonly rowCount: number }): VNode {
  return (
    <tr class="gap" aria-hidden="true">
      <td colSpan={COLUMNS.length} style={{ height: `${rowCount * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function Row(props: {
  readonly row: CircuitRow;
  readonly rowIndex: number;
  readonly isChosen: boolean;
  readonly isReachable: boolean;
}): VNode {
  const { state, nowMs } = useConsole();
  const { circuit, ribbon, rates } = props.row;
  const toMs = serviceTimeMs(state, nowMs);
  const heardMs = state.link.kind === 'lost' ? serviceTimeMs(state, state.link.sinceMs) : toMs;
  const view = { fromMs: toMs - RIBBON_MS, toMs, heardMs, width: 260, height: 18 };
  return (
    <tr
      class={props.isChosen ? 'chosen' : ''}
      aria-rowindex={props.rowIndex}
      onClick={() => (location.hash = fragmentOf('circuits', circuit.id))}
    >
      <td>
        <CircuitStateLabel state={circuit.state} />
      </td>
      <th scope="row" title={circuit.id}>
        <a
          href={fragmentOf('circuits', circuit.id)}
          tabIndex={props.isReachable ? 0 : -1}
          aria-current={props.isChosen ? 'true' : undefined}
        >
          {circuit.id}
        </a>
        <Enforcement circuit={circuit} />
      </th>
      <td>
        <RibbonChart ribbon={ribbon} view={view} label="Last 5 minutes" />
      </td>
      <td>
        <OutcomeChart
          samples={state.samples}
          rowOf={({ circuits }) => circuits[circuit.id]}
          view={{ count: 60, width: 180, height: 18 }}
          label="Last minute"
        />
      </td>
      <td class="number">{rates.calls === 0 ? '–' : amount(rates.callsPerSecond)}</td>
      <td class={`number${rates.failureRatio >= 0.1 ? ' bad' : ''}`}>
        {rates.calls === 0 ? '–' : percent(rates.failureRatio)}
      </td>
      <td class="number">{rates.refusedPerSecond === 0 ? '–' : amount(rates.refusedPerSecond)}</td>
      <td class="note">{nextOf(circuit, elapsedMs(props.row, nowMs))}</td>
    </tr>
  );
}

/** Says where a circuit does not enforce what it finds. */
function Enforcement({ circuit: { enforcement = 'enforce' } }: { readonly circuit: Circuit }): VNode | null {
  return enforcement === 'enforce' ? null : <span class="tag">{enforcement}</span>;
}

/** What happens next, and when. */
function nextOf(circuit: Circuit, elapsed: number): string {
  const { state, remainingOpenMs } = circuit;
  if (state.startsWith('forced-')) return heldWords(circuit, elapsed);
  if (state === 'half-open') return 'probing';
  if (state !== 'open' || typeof remainingOpenMs !== 'number') return '';
  return `probes in ${countdown(remainingOpenMs - elapsed)}`;
}

function useWindow(place: { readonly current: HTMLElement | null }) {
  const [window, setWindow] = useState({ scrollTop: 0, height: 800 });
  useEffect(() => {
    const { current } = place;
    if (current === null) return undefined;
    const read = (): void => setWindow({ scrollTop: current.scrollTop, height: current.clientHeight });
    read();
    current.addEventListener('scroll', read, { passive: true });
    const observer = new ResizeObserver(read);
    observer.observe(current);
    return () => {
      current.removeEventListener('scroll', read);
      observer.disconnect();
    };
  }, [place]);
  return window;
}

/** Moves the focus between rows; a row that is not drawn yet comes into view first. */
function move(event: KeyboardEvent, scroll: HTMLElement | null): void {
  const row = event.target instanceof Element ? event.target.closest('tbody tr') : null;
  if (row === null || scroll === null) return;
  const steps: Readonly<Record<string, () => Element | null | undefined>> = {
    ArrowDown: () => row.nextElementSibling,
    ArrowUp: () => row.previousElementSibling,
    Home: () => row.parentElement?.firstElementChild,
    End: () => row.parentElement?.lastElementChild,
  };
  if (!Object.hasOwn(steps, event.key)) return;
  const next = steps[event.key]?.();
  event.preventDefault();
  if (event.key === 'Home') scroll.scrollTo({ top: 0 });
  if (event.key === 'End') scroll.scrollTo({ top: scroll.scrollHeight });
  const focus = (): void => {
    const link = (next?.isConnected === true ? next : endOf(row, event.key))?.querySelector<HTMLElement>('th a');
    link?.focus({ preventScroll: true });
    link?.closest('tr')?.scrollIntoView({ block: 'nearest' });
  };
  if (event.key === 'Home' || event.key === 'End') requestAnimationFrame(() => requestAnimationFrame(focus));
  else focus();
}

function endOf(row: Element, key: string): Element | null | undefined {
  const body = row.isConnected ? row.parentElement : document.querySelector('table.rows tbody');
  return key === 'Home' ? body?.firstElementChild : body?.lastElementChild;
}
