/**
 * Promises: what the fleet is expected to do, in figures, and whether it did.
 *
 * A figure that is measured several times is as good as its worst value. One that was not measured, since the run ended
 * before or the Redis is not ours to kill, breaks no promise.
 *
 * @module
 */

import { circuitRules } from './circuit-rules.ts';

/** A figure, and the bound that it must keep; one without a bound is only shown. */
interface Promised {
  readonly text: string;
  readonly unit: '' | 'ms' | '%';
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Bounds leave room for a machine that does something else as well; what is usual is in the README. */
const promised = {
  'trip.first_to_last_ms': { text: 'first trip until the last process is open', unit: 'ms' },
  'trip.quorum_to_last_ms': { text: '  of that since the second trip, which is the quorum', unit: 'ms', atMost: 1000 },
  'trip.alone_ms': { text: '  what the slowest process would have needed alone', unit: 'ms' },
  'trip.failed_calls': { text: '  calls of the whole fleet that failed until then', unit: '' },
  'probes.count': { text: 'probes at the dependency while it is down', unit: '', atLeast: 1 },
  'probes.at_once': { text: '  at once, of the whole fleet', unit: '', atMost: circuitRules.maxProbes },
  'recovery.closed_ms': { text: 'dependency back until all are closed', unit: 'ms', atMost: 6000 },
  'recovery.ramp_percent': { text: '  calls let through in the first third of the ramp', unit: '%', atMost: 60 },
  'sick.itself_opened': { text: 'the sick process opens its own circuit', unit: '', atLeast: 1 },
  'sick.others_opened': { text: '  others that open with it', unit: '', atMost: 0 },
  'outage.worst_call_ms': { text: 'longest that the breaker took for a call with Redis down', unit: 'ms' },
  'outage.lone_probes': { text: '  lone probes at the dependency', unit: '', atLeast: 1 },
  'outage.lone_of_one': { text: '  at once, of one process', unit: '', atMost: 1 },
  'outage.lone_spread_ms': { text: '  from the first to the last of them', unit: 'ms' },
  'back.agreed_ms': { text: 'Redis back, empty, until all know one ruling again', unit: 'ms', atMost: 6000 },
  'hold.reached_ms': { text: 'hold until the last process refuses', unit: 'ms', atMost: 1000 },
  'hold.calls': { text: '  calls at the dependency while it is held', unit: '', atMost: 0 },
  'hold.closed_ms': { text: '  release until all are closed, by probes', unit: 'ms', atMost: 6000 },
  'run.worst_call_ms': { text: 'longest that the breaker took for a call, in all', unit: 'ms' },
  'run.waited_calls': { text: '  calls that waited for anything', unit: '', atMost: 0 },
  'run.setbacks': { text: 'rulings that went back', unit: '', atMost: 0 },
  'run.strange_errors': { text: 'calls that failed for any other reason', unit: '', atMost: 0 },
  'run.processes_died': { text: 'processes that died', unit: '', atMost: 0 },
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
  private readonly values = new Map<FigureName, number>();

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
      const promise: Promised = promised[name];
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
