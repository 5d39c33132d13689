/**
 * Two worker threads of one process, each with a circuit of the same name; the main thread prints their metrics together.
 * The circuit of thread 1 is open and has a call in flight; that of thread 2 is closed and has two.
 *
 * @module
 */

import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { prometheus } from '@holdfast/prometheus';
import { AggregatorRegistry, Registry } from 'prom-client';

/** A thread has no loader for TypeScript before it registers one. */
const startThread = `import('tsx/esm/api').then(({ register }) => { register(); return import('${import.meta.url}'); });`;

if (isMainThread) await runMain();
else await runThread(workerData as number);

async function runMain(): Promise<void> {
  const threads = [1, 2].map((number) => new Worker(startThread, { eval: true, workerData: number }));
  const readings = await Promise.all(threads.map((thread) => once(thread, 'message')));
  const all = readings.map(([metrics]) => metrics as object[]);
  console.log(await AggregatorRegistry.aggregate(all).metrics());
  await Promise.all(threads.map((thread) => thread.terminate()));
}

async function runThread(number: number): Promise<void> {
  const registry = createRegistry();
  const register = new Registry();
  prometheus({ register, registry });
  const breaker = registry.create(circuitBreaker, { name: 'prices', minimumCalls: 1 });
  const calls = registry.pipeline('prices', breaker);
  for (let call = 0; call < number; call++) void calls.execute(() => new Promise(() => {}));
  if (number === 1) await calls.execute(() => Promise.reject(new Error('down'))).catch(() => {});
  const metrics = await register.getMetricsAsJSON();
  parentPort?.postMessage(metrics); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread has none
}
