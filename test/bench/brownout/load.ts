/**
 * Load: a process that sends requests at times which are fixed beforehand, whatever becomes of them, and counts the answers
 * that came within their deadline, counted from the fixed time.
 *
 * Source: open and closed systems, Open Versus Closed: A Cautionary Tale, B. Schroeder, A. Wierman, M. Harchol-Balter, NSDI
 * 2006, https://www.usenix.org/conference/nsdi-06/open-versus-closed-cautionary-tale.
 * Deviation: none; times between requests are exponential.
 *
 * @module
 */

import { Agent, get } from 'node:http';

import { seededRandom } from '@holdfast/core/testing';

import { serveFleet } from '../../redis-lab/fleet-member.ts';
import type { Kind } from './work.ts';

/** What to send. */
export interface LoadPlan {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly deadlineMs: number;
  readonly criticalRatio: number;
  readonly seed: number;
}

/** What became of the requests of one kind. */
export interface Tally {
  sent: number;
  inTime: number;
  refused: number;
  late: number;
  degraded: number;
}

/** What became of all. */
export interface LoadResult {
  readonly critical: Tally;
  readonly optional: Tally;
  /** Times of the answers in time, from the fixed time of the request. Milliseconds. */
  readonly latenciesMs: readonly number[];
  /** How late the latest request was sent. Milliseconds; large where this process could not keep up. */
  readonly worstDelayMs: number;
}

/** What a load can be asked. */
export interface LoadCommands {
  /** Sends as planned and waits for the last deadline. */
  send(plan: LoadPlan): Promise<LoadResult>;
  /** Keeps a few requests under way for a while. Returns how many are answered in a second. */
  saturate(plan: { readonly port: number; readonly seconds: number; readonly criticalRatio: number }): Promise<number>;
}

serveFleet<LoadCommands>(() => ({ send, saturate }));

// --- internal ---

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 1024 });
/** Few enough to wait less than the service allows. */
const CALLERS = 3;

async function send(plan: LoadPlan): Promise<LoadResult> {
  const random = seededRandom(plan.seed);
  const tallies = { critical: emptyTally(), optional: emptyTally() };
  const latenciesMs: number[] = [];
  const pending: Promise<void>[] = [];
  let worstDelayMs = 0;
  const startAt = performance.now() + 100;
  for (let dueMs = 0; ; dueMs += (-Math.log(1 - random()) * 1000) / plan.perSecond) {
    if (dueMs > plan.seconds * 1000) break;
    const dueAt = startAt + dueMs;
    if (dueAt - performance.now() > 0.5) await sleep(dueAt - performance.now());
    worstDelayMs = Math.max(worstDelayMs, performance.now() - dueAt);
    const kind: Kind = random() < plan.criticalRatio ? 'critical' : 'optional';
    const path = `/${kind}/user-${Math.floor(random() * 1000)}`;
    pending.push(ask(plan.port, path, dueAt + plan.deadlineMs).then((answer) => count(answer, kind, dueAt)));
  }
  await Promise.all(pending);
  return { ...tallies, latenciesMs, worstDelayMs };

  function count(answer: Answer, kind: Kind, dueAt: number): void {
    const tally = tallies[kind];
    tally.sent++;
    tally[answer.outcome]++;
    if (answer.outcome !== 'inTime') return;
    latenciesMs.push(performance.now() - dueAt);
    if (answer.isDegraded) tally.degraded++;
  }
}

async function saturate(plan: Parameters<LoadCommands['saturate']>[0]): Promise<number> {
  const until = performance.now() + plan.seconds * 1000;
  let answered = 0;
  const call = async (caller: number): Promise<void> => {
    for (let index = 0; performance.now() < until; index++) {
      const kind: Kind = (index % 100) / 100 < plan.criticalRatio ? 'critical' : 'optional';
      const { outcome } = await ask(plan.port, `/${kind}/caller-${caller}`, performance.now() + 10_000);
      if (outcome === 'inTime') answered++;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_each, caller) => call(caller)));
  return answered / plan.seconds;
}

interface Answer {
  readonly outcome: 'inTime' | 'refused' | 'late';
  readonly isDegraded: boolean;
}

/** Asks until `deadlineAt`; then it hangs up. */
function ask(port: number, path: string, deadlineAt: number): Promise<Answer> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      response.once('end', () => {
        clearTimeout(timer);
        const isRight = response.statusCode === 200;
        const outcome = performance.now() > deadlineAt ? 'late' : isRight ? 'inTime' : 'refused';
        resolve({ outcome, isDegraded: response.headers['degraded'] !== undefined });
      });
    });
    const timer = setTimeout(() => request.destroy(), deadlineAt - performance.now());
    request.once('error', () => {
      clearTimeout(timer);
      resolve({ outcome: 'late', isDegraded: false });
    });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function emptyTally(): Tally {
  return { sent: 0, inTime: 0, refused: 0, late: 0, degraded: 0 };
}
