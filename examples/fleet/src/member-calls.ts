/**
 * Member calls: the calls of one process, at random moments, whether or not those before have ended; and what they came to.
 *
 * @module
 */

import { Agent, get } from 'node:http';

import { type Context, isRejection, isTimeout } from '@holdfast/core';

import { callerHeader } from './dependency.ts';
import type { CallCounts, MemberPlan } from './member-message.ts';

/** What calls are made through. */
export interface Guard {
  execute(operation: (context: Context) => Promise<void>): Promise<unknown>;
}

/** The calls of one process. */
export interface MemberCalls {
  /** Whether the network path of this process is broken. */
  isSick: boolean;
  /** Returns the counts, and the longest that the guard kept a call waiting since the last time it was asked. */
  read(): { readonly counts: CallCounts; readonly worstMs: number };
  stop(): void;
}

/** Begins to call. */
export function startCalls(guard: Guard, plan: MemberPlan): MemberCalls {
  return new Caller(guard, plan);
}

// --- internal ---

/** The dependency answered that it cannot, or did not answer. */
class DependencyError extends Error {
  override readonly name = 'DependencyError';
}

class Caller implements MemberCalls {
  isSick = false;
  private readonly guard: Guard;
  private readonly plan: MemberPlan;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly counts = { asked: 0, waited: 0, refused: 0, failed: 0, strange: 0 };
  private worstMs = 0;
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(guard: Guard, plan: MemberPlan) {
    this.guard = guard;
    this.plan = plan;
    this.arm();
  }

  read(): ReturnType<MemberCalls['read']> {
    const { worstMs } = this;
    this.worstMs = 0;
    return { counts: { ...this.counts }, worstMs };
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private arm(): void {
    const pauseMs = (-Math.log(1 - Math.random()) * 1000) / this.plan.callsPerSecond;
    this.timer = setTimeout(() => {
      void this.call();
      this.arm();
    }, pauseMs);
  }

  private async call(): Promise<void> {
    this.counts.asked++;
    const asked = { at: performance.now(), isTurnOver: false };
    setImmediate(() => (asked.isTurnOver = true));
    try {
      await this.guard.execute((context) => {
        this.noteWait(asked); // until it runs
        return this.isSick ? brokenPath() : this.request(context.signal);
      });
    } catch (error) {
      if (isRejection(error)) this.noteWait(asked); // until it is refused
      this.noteError(error);
    }
  }

  /** Who is decided upon in the turn of the event loop in which he asks has waited for nothing. */
  private noteWait(asked: { readonly at: number; readonly isTurnOver: boolean }): void {
    this.worstMs = Math.max(this.worstMs, performance.now() - asked.at);
    if (asked.isTurnOver) this.counts.waited++;
  }

  private noteError(error: unknown): void {
    if (isRejection(error)) this.counts.refused++;
    else if (error instanceof DependencyError || isTimeout(error)) this.counts.failed++;
    else this.counts.strange++;
  }

  private request(signal: AbortSignal): Promise<void> {
    const { agent, plan } = this;
    return new Promise((resolve, reject) => {
      const headers = { [callerHeader]: plan.name };
      const request = get(plan.dependencyUrl, { agent, headers, signal }, (response) => {
        response.resume();
        response.once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new DependencyError(`it answered ${response.statusCode}`));
        });
      });
      request.once('error', (error) => reject(new DependencyError('it did not answer', { cause: error })));
    });
  }
}

async function brokenPath(): Promise<never> {
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
  throw new DependencyError('this process cannot reach it');
}
