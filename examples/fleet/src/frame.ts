/**
 * Frame: one picture of the run, as text. What does not fit the terminal is left out from the bottom.
 *
 * @module
 */

import type pc from 'picocolors';

import { type Column, rowsOf } from './columns.ts';
import type { Member } from './fleet.ts';
import { MAX_ENTRIES } from './journal.ts';
import type { Run } from './run.ts';

/** The colours of picocolors; functions that change nothing where there are none. */
type Colors = ReturnType<typeof pc.createColors>;

/** What a picture is drawn with. */
export interface Screen {
  readonly colors: Colors;
  readonly rows: number;
}

/** Draws the run as it is now. */
export function frame(run: Run, { colors, rows }: Screen): string {
  const sections = [heading(run, colors), surroundings(run, colors), processes(run, colors), happenings(run, colors)];
  return sections
    .flat()
    .slice(0, rows - 1)
    .join('\n');
}

// --- internal ---

const WIDTH = 79;

function heading({ story }: Run, colors: Colors): string[] {
  const act = story.acts[story.index];
  const place = `act ${story.index + 1} of ${story.acts.length}`;
  const round = story.round === 0 ? '' : `, round ${story.round + 1}`;
  return [
    `${colors.bold('Holdfast fleet')}   ${place}${round}: ${colors.bold(act?.name ?? 'the end')}`,
    colors.cyan(act?.title ?? ''),
    progress(story, colors),
    '',
  ];
}

/** A bar with a segment per act. */
function progress(story: Run['story'], colors: Colors): string {
  const { acts, index } = story;
  const width = Math.floor(WIDTH / acts.length) - 1;
  const segments = acts.map((_, at) => {
    const ratio = at < index ? 1 : at > index ? 0 : story.progressRatio();
    const filled = Math.round(ratio * width);
    return colors.cyan('━'.repeat(filled)) + colors.dim('─'.repeat(width - filled));
  });
  return segments.join(' ');
}

const surroundingColumns: readonly Column[] = [
  { width: 14, align: 'left' },
  { width: 13, align: 'left' },
  { width: 52, align: 'left' },
];

function surroundings({ stage: { dependency, fleet, redis } }: Run, colors: Colors): string[] {
  const { arrivals, mostAtOnce } = dependency.watched;
  const health = dependency.isFailing ? colors.red('✗ failing') : colors.green('✓ well');
  const server = redis.isUp() ? colors.green('✓ up') : colors.red('✗ killed');
  const counted = `${dependency.underWay} calls under way; probes: ${arrivals.length}, at most ${mostAtOnce} at once`;
  return [
    ...rowsOf(surroundingColumns, [
      ['DEPENDENCY', health, counted],
      ['REDIS', server, redis.url.replace(/\/\/[^@]*@/, '//')],
      ['RULING', ...newestRuling(fleet.members, colors)],
    ]),
    '',
  ];
}

/** What the fleet has ruled last, as far as anybody knows: the state, and why. */
function newestRuling(members: readonly Member[], colors: Colors): string[] {
  const [first, ...rest] = members.flatMap(({ status }) => status?.fleet.ruling ?? []);
  if (first === undefined) return ['', ''];
  const { state, reason, by, remainingMs } = rest.reduce(
    (one, other) => (other.epoch > one.epoch ? other : one),
    first,
  );
  const left = remainingMs > 0 ? `, ${(remainingMs / 1000).toFixed(1)} s left` : '';
  return [stateColor(state, colors), reason === undefined ? '' : `${reason}, by ${by.join(' and ')}${left}`];
}

const processColumns: readonly Column[] = [
  { width: 13, align: 'left' },
  { width: 8, align: 'right' },
  { width: 2, align: 'left' },
  { width: 13, align: 'left' },
  { width: 8, align: 'left' },
  { width: 8, align: 'left' },
  { width: 10, align: 'left' },
  { width: 8, align: 'right' },
  { width: 9, align: 'right' },
];

const processHead = ['PROCESS', 'calls/s', '', 'circuit', 'ruling', 'store', 'view', 'leases', 'worst ms'];

function processes({ stage: { fleet } }: Run, colors: Colors): string[] {
  const epochs = [...new Set(fleet.members.map(epochOf))].toSorted((one, other) => one - other);
  const rows = fleet.members.map((member) => processRow(member, epochs, colors));
  return [...rowsOf(processColumns, [processHead.map((text) => colors.bold(text)), ...rows]), ''];
}

function processRow(member: Member, epochs: readonly number[], colors: Colors): string[] {
  const { name, callsPerSecond, status, worstMs } = member;
  if (status === undefined) return [name, String(callsPerSecond), '', colors.dim('starts')];
  const { state, mode, fleet } = status;
  const isNewest = epochOf(member) === epochs.at(-1);
  return [
    name,
    String(callsPerSecond),
    fleet.override === undefined ? '' : colors.yellow('*'),
    stateColor(state, colors),
    (isNewest ? colors.green : colors.yellow)(shortEpoch(epochOf(member))),
    mode === 'shared' ? colors.green(mode) : colors.red(mode),
    fleet.view === 'fresh' ? colors.green(fleet.view) : colors.yellow(fleet.view),
    fleet.leases === 0 ? colors.dim('-') : String(fleet.leases),
    worstMs.toFixed(1),
  ];
}

function epochOf({ status }: Member): number {
  return status?.fleet.ruling.epoch ?? 0;
}

/** Seconds and tenths of the store's time, as far as they tell rulings of one run apart. */
function shortEpoch(epoch: number): string {
  return epoch === 0 ? 'none' : ((epoch / 1_000_000) % 1000).toFixed(1).padStart(5, '0');
}

function stateColor(state: string, colors: Colors): string {
  if (state === 'closed') return colors.green(state);
  return state === 'half-open' ? colors.yellow(state) : colors.red(state);
}

function happenings({ journal }: Run, colors: Colors): string[] {
  const lines = journal.entries.map(({ atMs, text }) => {
    const line = `${(atMs / 1000).toFixed(1).padStart(6)} s  ${text}`;
    return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
  });
  const blank = Array.from({ length: MAX_ENTRIES - lines.length }, () => '');
  return [colors.bold('WHAT HAPPENED'), ...lines, ...blank];
}
