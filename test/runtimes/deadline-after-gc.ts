/**
 * Deadline after GC: contexts with a deadline, of which only a listener, the signal, or the context is kept, while the garbage
 * collector runs. `AbortSignal.any` with `AbortSignal.timeout` loses its deadline so on Node.js 20, and a polled one on 24.
 *
 * Bundled and run by each Node.js, with `--expose-gc`. Prints how many of each kind have come, and how many were to.
 *
 * @module
 */

import { Context } from '@holdfast/core';

/** How often each kind is made. */
const COUNT = 200;
const LEFT_MS = 300;

const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
const shutdown = new AbortController();
const server = Context.from(shutdown.signal);
const came = { listenerOnly: 0, signalListener: 0, derived: 0 };
const signals: AbortSignal[] = [];
const contexts: Context[] = [];

for (let index = 0; index < COUNT; index++) {
  server.withTimeout(LEFT_MS).onCancel(() => came.listenerOnly++); // nobody keeps the context
  server.withTimeout(LEFT_MS).signal.addEventListener('abort', () => came.signalListener++); // nor the signal
  signals.push(server.withTimeout(LEFT_MS).signal); // polled, without a listener
  contexts.push(server.withTimeout(LEFT_MS).withCancel().withTimeout(60_000));
  server.withTimeout(LEFT_MS).withCancel().withCancel().onCancel(() => came.derived++); // prettier-ignore
}

const rounds = setInterval(() => {
  collect();
  return Array.from({ length: 10_000 }, (_, index) => ({ index }));
}, 20);

setTimeout(() => {
  clearInterval(rounds);
  const polled = signals.filter(({ aborted }) => aborted).length;
  const asked = contexts.filter(({ cancelled }) => cancelled).length;
  console.log(JSON.stringify({ of: COUNT, ...came, polled, asked }));
}, LEFT_MS + 700);
