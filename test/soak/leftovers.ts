/**
 * Leftovers: notices what calls leave behind in the process: timers, handles, warnings, unhandled rejections.
 *
 * Import it before what is watched: it counts the timers that are set from then on, those included that would let the
 * process end, which the platform does not tell about.
 *
 * @module
 */

import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';

const timers = new Set<unknown>();
const rejections: string[] = [];
const warnings: string[] = [];

countTimers();
process.on('unhandledRejection', (reason) => rejections.push(inspect(reason)));
process.on('warning', (warning) => warnings.push(inspect(warning)));
const resourcesBefore = process.getActiveResourcesInfo();

/** Returns what is there now that was not there at the start, as sentences. Waits until rejections have been judged. */
export async function leftovers(): Promise<string[]> {
  await turn();
  await turn();
  return [
    ...count(timers.size, 'timer is set', 'timers are set'),
    ...count(rejections.length, 'unhandled rejection', 'unhandled rejections', rejections[0]),
    ...count(warnings.length, 'warning', 'warnings', warnings[0]),
    ...newResources().map((name) => `a ${name} keeps the process alive`),
  ];
}

// --- internal ---

type TimerFunction = (callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => unknown;

/** Stands before the timers of the platform and keeps those that have neither fired nor been cleared. */
function countTimers(): void {
  const platform = globalThis as unknown as Record<string, TimerFunction | ((timer: unknown) => void)>;
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  platform['setTimeout'] = (callback, delayMs, ...args) => {
    const timer = set(() => {
      timers.delete(timer);
      callback(...args);
    }, delayMs);
    timers.add(timer);
    return timer;
  };
  platform['clearTimeout'] = (timer: unknown) => {
    timers.delete(timer);
    clear(timer as NodeJS.Timeout);
  };
}

function newResources(): string[] {
  const before = [...resourcesBefore];
  return process.getActiveResourcesInfo().filter((name) => {
    const index = before.indexOf(name);
    if (index >= 0) before.splice(index, 1);
    return index < 0;
  });
}

function count(number: number, one: string, many: string, first?: string): string[] {
  if (number === 0) return [];
  const detail = first === undefined ? '' : `, the first: ${first}`;
  return [`${number} ${number === 1 ? one : many}${detail}`];
}
