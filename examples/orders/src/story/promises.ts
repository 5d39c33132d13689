/**
 * Promises: what is expected of the services, in figures, and whether they did it.
 *
 * A figure that is measured several times is as good as its worst value. One that was not measured, since the run ended
 * before, breaks no promise.
 *
 * @module
 */

import { stopping } from '../service/service.ts';

/** A figure, and the bound that it must keep; one without a bound is only shown. */
interface Promised {
  readonly text: string;
  readonly unit: '' | 'ms';
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Bounds leave room for a machine that does something else as well; what is usual is in the README. */
const promised = {
  'orders.answered': { text: 'orders of ada and bob, interleaved', unit: '', atLeast: 1 },
  'orders.failed': { text: '  of which failed', unit: '', atMost: 0 },
  'orders.median_ms': { text: '  time of one, in the middle', unit: 'ms' },
  'orders.bled': { text: '  layers that took one for the other', unit: '', atMost: 0 },
  'orders.traces_broken': { text: '  that left their trace on the way', unit: '', atMost: 0 },
  'orders.unrecorded': { text: '  that the audit has not written down, or twice', unit: '', atMost: 0 },
  'deadlines.requests': { text: 'requests for what is not found in time', unit: '', atLeast: 1 },
  'deadlines.later': { text: '  layers that believed in more time than their caller had', unit: '', atMost: 0 },
  'deadlines.silent': { text: '  layers that told nothing, or answers other than 504', unit: '', atMost: 0 },
  'deadlines.outlived_ms': { text: '  longest that a layer went on after the deadline', unit: 'ms', atMost: 1000 },
  'leaving.clients': { text: 'clients killed while the database worked for them', unit: '', atLeast: 1 },
  'leaving.median_ms': { text: '  until every layer had stopped, in the middle', unit: 'ms' },
  'leaving.p99_ms': { text: '  of 99 in 100', unit: 'ms' }, // its bound is said on the command line
  'leaving.layers_ms': { text: '    gateway, orders, inventory and transaction, by their own word', unit: 'ms' },
  'leaving.database_ms': { text: '    pg_stat_activity, when next looked at', unit: 'ms' },
  'leaving.statements_left': { text: '  statements that went on', unit: '', atMost: 0 },
  'leaving.left': { text: '  requests, calls, jobs, messages or connections left behind', unit: '', atMost: 0 },
  'leaving.reserved': { text: '  of their orders that were carried out', unit: '', atMost: 0 },
  'leaving.innocent': { text: '  orders of others that failed meanwhile', unit: '', atMost: 0 },
  'deploying.requests': { text: 'orders while each service was replaced in turn', unit: '', atLeast: 1 },
  'deploying.failed': { text: '  of which failed', unit: '', atMost: 0 },
  'deploying.sent_again': { text: '  sent again by the client, as their connection was just closed', unit: '' },
  'deploying.unrecorded': { text: '  that the audit has not written down, or twice', unit: '', atMost: 0 },
  'deploying.longest_stop_ms': {
    text: '  longest from SIGTERM to the exit',
    unit: 'ms',
    atMost: stopping.stopTimeoutMs + 1000,
  },
  'deploying.unclean_exits': { text: '  exits with anything left behind', unit: '', atMost: 0 },
  'crash.opened_ms': { text: 'inventory killed, until the circuit is open', unit: 'ms', atMost: 5000 },
  'crash.refused': { text: '  orders refused with 503', unit: '', atLeast: 1 },
  'crash.unhelpful': { text: '  answers without Retry-After or a problem', unit: '', atMost: 0 },
  'crash.slowest_refusal_ms': { text: '  slowest refusal while it was open', unit: 'ms', atMost: 1000 },
  'crash.recovered_ms': { text: '  inventory back, until orders are taken again', unit: 'ms', atMost: 10_000 },
  'crash.unrecorded': { text: 'audit killed: orders that it has not written down, or twice', unit: '', atMost: 0 },
} as const satisfies Record<string, Promised>;

/** The name of a figure. */
export type FigureName = keyof typeof promised;

/** A figure of the run. */
export interface Figure extends Promised {
  readonly name: FigureName;
  /** The worst that was measured; undefined where nothing was. */
  readonly value: number | undefined;
  readonly isKept: boolean;
}

/** The figures of a run. */
export class Figures {
  private readonly stopsWithinMs: number;
  private readonly values = new Map<FigureName, number>();

  constructor(stopsWithinMs: number) {
    this.stopsWithinMs = stopsWithinMs;
  }

  /** Takes a measurement; undefined, where what was waited for did not come, is the worst of all. */
  note(name: FigureName, measured: number | undefined): void {
    const { atLeast }: Promised = promised[name];
    const value = measured ?? (atLeast === undefined ? Infinity : Number.NEGATIVE_INFINITY);
    const before = this.values.get(name) ?? value;
    this.values.set(name, atLeast === undefined ? Math.max(before, value) : Math.min(before, value));
  }

  /** All figures, measured or not. */
  all(): readonly Figure[] {
    return (Object.keys(promised) as FigureName[]).map((name) => {
      const promise: Promised =
        name === 'leaving.p99_ms' ? { ...promised[name], atMost: this.stopsWithinMs } : promised[name];
      const value = this.values.get(name);
      return { ...promise, name, value, isKept: value === undefined || isWithin(value, promise) };
    });
  }

  /** Whether no promise was broken. */
  areKept(): boolean {
    return this.all().every(({ isKept }) => isKept);
  }
}

// --- internal ---

function isWithin(value: number, { atMost = Infinity, atLeast = Number.NEGATIVE_INFINITY }: Promised): boolean {
  return value <= atMost && value >= atLeast && !(value === Infinity && atMost === Infinity);
}
