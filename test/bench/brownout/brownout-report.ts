/**
 * Brownout report: the results of the brownout's benchmark as people read them.
 *
 * @module
 */

import type { OverloadResults, Pair } from './overload.ts';

/** Returns the results for people. */
export function toText(results: OverloadResults): string {
  const { capacityPerSecond, offeredRatio, criticalRatio, deadlineMs, rounds, seconds } = results;
  const share = ({ with: one, without }: Pair): string => cells(one.toFixed(2), without.toFixed(2));
  const ms = ({ with: one, without }: Pair): string => cells(`${one.toFixed(0)} ms`, `${without.toFixed(0)} ms`);
  const lines = [
    `capacity ${capacityPerSecond.toFixed(0)} a second; ${offeredRatio} times that for ${rounds} x ${seconds} s, ${criticalRatio} of it critical, deadline ${deadlineMs} ms`,
    '',
    `${''.padEnd(48)}${cells('with', 'without')}`,
    row('critical answers in time, of the capacity', share(results.criticalGoodputRatio)),
    row('all answers in time, of the capacity', share(results.totalGoodputRatio)),
    row('critical answers in time, of those sent', share(results.criticalAnsweredRatio)),
    row('degraded, of the answers in time', share(results.degradedRatio)),
    row('90 % of the answers within', ms(results.p90Ms)),
    row('99 % of the answers within', ms(results.p99Ms)),
    row('latest request sent late by', ms(results.worstDelayMs)),
    '',
    `level ${results.level.toFixed(2)} at the end${restored(results.restoredSeconds)}`,
  ];
  return `${lines.join('\n')}\n`;
}

// --- internal ---

function row(what: string, figures: string): string {
  return `${what.padEnd(48)}${figures}`;
}

function cells(one: string, other: string): string {
  return `${one.padStart(10)}${other.padStart(10)}`;
}

function restored(seconds: number | undefined): string {
  return seconds === undefined ? '' : `, 0 again after ${seconds.toFixed(0)} s`;
}
