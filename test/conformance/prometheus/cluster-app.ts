/**
 * Two worker processes of one cluster, each with a circuit of the same name; the primary prints their metrics together.
 * The circuit of worker 1 is open and has a call in flight; that of worker 2 is closed and has two.
 *
 * @module
 */

import cluster from 'node:cluster';

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { prometheus } from '@holdfast/prometheus';
import { AggregatorRegistry, Registry } from 'prom-client';

const aggregator = new AggregatorRegistry();

if (cluster.isPrimary) await runPrimary();
else await runWorker(Number(process.env['WORKER']));

async function runPrimary(): Promise<void> {
  const workers = [1, 2].map((number) => cluster.fork({ WORKER: String(number) }));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  console.log(await aggregator.clusterMetrics());
  for (const worker of workers) worker.kill();
}

async function runWorker(number: number): Promise<void> {
  const registry = createRegistry();
  const register = new Registry();
  AggregatorRegistry.setRegistries(register);
  prometheus({ register, registry });
  const breaker = registry.create(circuitBreaker, { name: 'prices', minimumCalls: 1 });
  const calls = registry.pipeline('prices', breaker);
  for (let call = 0; call < number; call++) void calls.execute(() => new Promise(() => {}));
  if (number === 1) await calls.execute(() => Promise.reject(new Error('down'))).catch(() => {});
  process.send?.('ready');
}
