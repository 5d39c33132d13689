/**
 * Node settings: what the circuits of one node go by, and what they ask of the node that they belong to.
 *
 * @module
 */

import { reportHookError } from '../kernel/hooks.ts';
import { inRange, integerInRange, isFunction, isName, oneOf } from '../kernel/options.ts';
import type { Random } from '../kernel/random.ts';

/** What a node goes by. */
export interface NodeOptions {
  /**
   * Time for which the store may be silent before a node with demand probes by itself, counted from the later of the last
   * word of the store and the end of the open time. Milliseconds, 0 to 3 600 000.
   * @defaultValue 5_000
   */
  readonly holdOffMs: number;
  /**
   * How many distinct nodes must agree before the fleet opens, of so many that are there: an integer of at least 1. By default 1,
   * and 2 from three nodes on.
   */
  readonly quorum: (nodes: number) => number;
  /** Time that a ballot of this node is good for. Milliseconds, 100 to 60 000. @defaultValue 10_000 */
  readonly ballotTtlMs: number;
  /** Lost probes that a round survives. Integer, 0 to 100. @defaultValue 3 */
  readonly maxLostProbes: number;
  /**
   * `window`: nodes add up their windows while a circuit is near its threshold; `ruling`: each decides by its own, and votes. A
   * function says it by circuit.
   * @defaultValue 'ruling'
   */
  readonly mode: SharingWay | ((circuit: string) => SharingWay);
}

/** What a node goes by, and who it is. */
export interface NodeSettings extends NodeOptions {
  /** Name of this node in the fleet; unique among those that are alive. */
  readonly node: string;
}

/** How a circuit is shared: see {@link NodeSettings.mode}. */
export type SharingWay = 'ruling' | 'window';

/** Every default of {@link NodeOptions}, in one place. */
export const nodeDefaults: NodeOptions = Object.freeze({
  holdOffMs: 5000,
  quorum: (nodes: number): number => (nodes < MIN_FLEET ? 1 : 2),
  ballotTtlMs: 10_000,
  maxLostProbes: 3,
  mode: 'ruling',
});

/** What a circuit asks of its node. */
export interface NodeView {
  readonly settings: NodeSettings;
  /** Randomness from 0 to 1, 1 excluded; never throws. */
  readonly random: Random;
  /** Processes that share, as was last told; at least 1. */
  readonly fleetSize: number;
  /** When the store was last heard. Milliseconds; -Infinity where it never was. */
  readonly heardAt: number;
  /** Whether the store is heard often enough to be asked. */
  isFresh(now: number): boolean;
  /** A name for leases that no other has. */
  newLeaseBase(): string;
  /** {@link NodeSettings.holdOffMs}, or longer where the store is asked less often than that. Milliseconds. */
  readonly holdOffMs: number;
  /** Members of the fleet decide by other rules: once per ruling. */
  disagrees(name: string, by: string): void;
  /** How long ago a ruling of that epoch was made, by the time of the store; at least so long. Milliseconds, may be negative. */
  epochAgeMs(epoch: number, now: number): number;
}

/**
 * Checks settings of a node that were handed in.
 *
 * @throws ConfigError when one has a value that it cannot have.
 */
export function checkNodeSettings(place: string, settings: NodeSettings): void {
  isName(`${place}.node`, settings.node);
  inRange(`${place}.holdOffMs`, settings.holdOffMs, [0, 3_600_000]);
  isFunction(`${place}.quorum`, settings.quorum);
  inRange(`${place}.ballotTtlMs`, settings.ballotTtlMs, [100, 60_000]);
  integerInRange(`${place}.maxLostProbes`, settings.maxLostProbes, [0, 100]);
  if (typeof settings.mode !== 'function') oneOf(`${place}.mode`, settings.mode, ['ruling', 'window']);
}

/** The quorum that the settings ask for; that of the defaults where the function throws, or gives no number of nodes. */
export function quorumOf({ quorum, node }: NodeSettings, nodes: number): number {
  try {
    const wanted: unknown = quorum(nodes);
    if (Number.isInteger(wanted) && (wanted as number) >= 1) return wanted as number;
    throw new RangeError('quorum must return an integer of at least 1');
  } catch (error) {
    reportHookError('quorum', error, node);
    return nodeDefaults.quorum(nodes);
  }
}

/** Whether nodes add up their windows of a circuit. A function that throws, or says something else, means `ruling`. */
export function addsUpWindows({ mode, node }: NodeSettings, circuit: string): boolean {
  if (typeof mode !== 'function') return mode === 'window';
  try {
    return mode(circuit) === 'window';
  } catch (error) {
    reportHookError('mode', error, node);
    return false;
  }
}

/** A time, at random, by which this node waits so that not all nodes ask at once. Milliseconds. */
export function spreadMs({ random, fleetSize }: NodeView): number {
  return random() * Math.min(MAX_SPREAD_MS, SPREAD_MS_PER_NODE * fleetSize);
}

/** As {@link spreadMs}, for what is urgent: nothing in a small fleet. */
export function urgentSpreadMs(view: NodeView): number {
  return view.fleetSize > SMALL_FLEET ? spreadMs(view) : 0;
}

// --- internal ---

/** From so many nodes on, none opens the fleet by itself. */
const MIN_FLEET = 3;

/** Fleets up to this size need no spreading of what all nodes do at once. */
const SMALL_FLEET = 50;

/** Time per node over which what all nodes do at once is spread. Milliseconds. */
const SPREAD_MS_PER_NODE = 0.2;

const MAX_SPREAD_MS = 2000;
