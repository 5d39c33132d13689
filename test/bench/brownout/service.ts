/**
 * Service: a process with an HTTP server that is busy with each request for a while, one after the other, as a handler that
 * renders or computes is. Requests wait in a queue that refuses what has waited too long, with brownout and without.
 *
 * @module
 */

import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as perfHooks from 'node:perf_hooks';
import * as v8 from 'node:v8';

import {
  type Brownout,
  type Readings,
  type SignalMeter,
  createBrownout,
  createSignalMeter,
  nodeSignals,
  runBrownout,
} from '@holdfast/degradation';

import { serveFleet } from '../../redis-lab/fleet-member.ts';
import { type Kind, SIGNALS, workMs } from './work.ts';

/** What a service can be asked. */
export interface ServiceCommands {
  port(): number;
  level(): number;
  /** What the brownout was told since the start, with the level after it. */
  samples(): readonly Sample[];
  explain(): string;
}

/** What a service is started with. */
export interface ServiceSettings {
  readonly hasBrownout: boolean;
}

/** Readings of one moment. */
export interface Sample extends Readings {
  /** Milliseconds since the service started. */
  readonly at: number;
  /** The level before the sample was taken. */
  readonly level: number;
}

/** A request that has waited longer is refused when its turn comes. Milliseconds. */
const MAX_AGE_MS = 150;

serveFleet<ServiceCommands, ServiceSettings>(async ({ settings }) => {
  const brownout = createBrownout({ signals: SIGNALS });
  const meter = createSignalMeter();
  const signals = nodeSignals({ perfHooks, v8 });
  const samples: Sample[] = [];
  const read = (): Readings => {
    const now = performance.now();
    const readings = { ...meter.read(now), ...signals.read() };
    samples.push({ at: Math.round(now), level: brownout.level, ...readings });
    return readings;
  };
  if (settings.hasBrownout) runBrownout(brownout, { read });
  const server = createServer(queueOf(meter, brownout));
  server.keepAliveTimeout = 60_000;
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return {
    port: () => (server.address() as AddressInfo).port,
    level: () => brownout.level,
    samples: () => samples,
    explain: () => brownout.explain().text,
  };
});

// --- internal ---

interface Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly since: number;
}

/** Returns a listener that lets requests wait, and serves one in each turn of the event loop. */
function queueOf(meter: SignalMeter, brownout: Brownout) {
  const queue: Waiting[] = [];
  const serve = (): void => {
    let next = queue.shift();
    for (; next !== undefined && !isWorthwhile(next, meter); next = queue.shift());
    if (next !== undefined) answer(next, brownout);
    if (queue.length > 0) setImmediate(serve);
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    queue.push({ request, response, since: performance.now() });
    if (queue.length === 1) setImmediate(serve);
  };
}

/** Whether a request should still be served; refuses it otherwise. */
function isWorthwhile({ response, since }: Waiting, meter: SignalMeter): boolean {
  const now = performance.now();
  if (!response.destroyed && now - since <= MAX_AGE_MS) {
    meter.started(now - since, now);
    return true;
  }
  meter.shed(now);
  response.writeHead(503, { 'retry-after': '1' }).end();
  return false;
}

/** `/critical/user-7` */
function answer({ request, response }: Waiting, brownout: Brownout): void {
  const [, kind, user = ''] = (request.url ?? '').split('/');
  const level = brownout.levelFor(user);
  spin(workMs(kind as Kind, level));
  response.writeHead(200, level > 0 ? { degraded: `level=${level}` } : {}).end('done');
}

function spin(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}
