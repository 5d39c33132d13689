/**
 * Fleet report: the results of the fleet's benchmark, as a program and as people read them.
 *
 * @module
 */

import type { Environment } from '../report.ts';
import type { ExecuteRatio } from './execute-ratio.ts';
import type { Percentiles } from './percentiles.ts';
import type { ScriptRate } from './script-rate.ts';

/** What was measured; a part that was not asked for is absent. */
export interface FleetResults {
  readonly environment: Environment;
  /** From a trip to each of eight other processes. Milliseconds. */
  readonly tripMs?: Percentiles;
  /** The same where nobody may subscribe. */
  readonly polledTripMs?: Percentiles;
  readonly scriptsPerSecond?: ScriptRate;
  readonly executeRatio?: readonly ExecuteRatio[];
  /** Calls that reach a dead dependency until fifty nodes have opened: windows added up, and by votes. */
  readonly callsToOpenFleet?: number;
  readonly callsToOpenByVotes?: number;
}

/** Returns the results for people. */
export function toText(results: FleetResults): string {
  const { tripMs, polledTripMs, scriptsPerSecond, executeRatio = [], callsToOpenFleet, callsToOpenByVotes } = results;
  const lines = [
    ...(tripMs === undefined ? [] : [`a trip reaches 8 other processes     ${inMs(tripMs)}`]),
    ...(polledTripMs === undefined
      ? []
      : [`the same without messages            ${inMs(polledTripMs)}; polls every 250 ms`]),
    ...(scriptsPerSecond === undefined
      ? []
      : [
          `scripts per second and process       ${figure(scriptsPerSecond.idle)} at rest, ${figure(scriptsPerSecond.busy)} busy; 1,000 breakers`,
        ]),
    ...executeRatio.map(executeLine),
    ...(callsToOpenFleet === undefined
      ? []
      : [`calls until 50 nodes have opened     ${callsToOpenFleet}; the threshold is 20, and 50 times 20 are 1000`]),
    ...(callsToOpenByVotes === undefined ? [] : [`the same where each node votes       ${callsToOpenByVotes}`]),
  ];
  return `${lines.join('\n')}\n`;
}

// --- internal ---

function executeLine({ redis, ratio, worstMs, worstAloneMs, naive }: ExecuteRatio): string {
  const asking = 'ratio' in naive ? `${figure(naive.ratio)} times` : `${naive.ms.toFixed(0)} ms (${naive.outcome})`;
  const worst = `worst call ${worstMs.toFixed(2)} ms (alone ${worstAloneMs.toFixed(2)})`;
  return `a call, the server ${redis.padEnd(17)} ${figure(ratio)} times alone, ${worst}; asking per call ${asking}`;
}

function inMs({ p50, p99, max, count }: Percentiles): string {
  return `p50 ${figure(p50)} ms, p99 ${figure(p99)} ms, max ${figure(max)} ms, of ${count}`;
}

function figure(value: number): string {
  return value.toPrecision(3);
}
