/**
 * Shutting down: a signal comes while a request is being answered. It is answered, the audit event that it starts is written, and
 * only then the database is closed.
 *
 * @module
 */

import { virtualClock } from '@holdfast/core/testing';
import { createLifecycle, createTracker } from '@holdfast/service';

const clock = virtualClock();
const say = (text: string): void => console.log(`${clock.now()} ms: ${text}`);
const work = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));

const signals = new Map<string, () => void>();
const life = createLifecycle({
  clock,
  stopTimeoutMs: 10_000,
  notReadyForMs: 500,
  process: {
    on: (event, listener) => signals.set(event, listener),
    off: (event) => signals.delete(event),
    exit: (code) => say(`exit ${code}`),
  },
});
const tracker = createTracker({ name: 'background', clock });
let request = Promise.resolve();

async function answer(): Promise<void> {
  await work(800);
  say('the request is answered');
  tracker.go('audit', async () => {
    await work(200);
    say('its audit event is written');
  });
}

life
  .add({ name: 'database', close: () => say('the database is closed') })
  .add(tracker)
  .add({ name: 'server', drain: () => request });
await life.start();
say(`ready: ${life.isReady}`);
request = answer();

signals.get('SIGTERM')?.();
say(`SIGTERM; ready: ${life.isReady}`);
await clock.advance(10_000);
const { isComplete, durationMs, steps } = await life.stopped;
console.log({ isComplete, durationMs, steps: steps.map(({ component, kind }) => `${component} ${kind}`) });

// Output:
// 0 ms: ready: true
// 0 ms: SIGTERM; ready: false
// 800 ms: the request is answered
// 1000 ms: its audit event is written
// 1000 ms: the database is closed
// 1200 ms: exit 0
// {
//   isComplete: true,
//   durationMs: 1000,
//   steps: [ 'server drain', 'background drain', 'database close' ]
// }
