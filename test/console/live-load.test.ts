/**
 * The live feed under load: 500 circuits that change ten times a second, 20 clients, one of which takes nothing.
 *
 * @module
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it, onTestFinished } from 'vitest';

import { type CircuitBreaker, circuitBreaker } from '@holdfast/core';

import { type Shop, openShop, tokens } from './shop.ts';

const CIRCUITS = 500;
const READERS = 19;
const ROUNDS = 60;
const ROUND_MS = 100;

/** A client that reads everything, and notes how late events come and what each circuit was told to be last. */
function openReader(port: number) {
  const last = new Map<string, string>();
  const noted = { events: 0, bytes: 0, latestMs: 0, samples: 0, ended: false };
  let text = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(request));
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    noted.bytes += chunk.length;
    text += chunk;
    const end = text.lastIndexOf('\n');
    const now = Date.now();
    for (const [, id = '', to = '', at = ''] of text.slice(0, end).matchAll(CIRCUIT_EVENT)) {
      last.set(id, to);
      noted.events++;
      noted.latestMs = Math.max(noted.latestMs, now - Number(at));
    }
    noted.samples += text.slice(0, end).match(/^event: sample/gm)?.length ?? 0;
    text = text.slice(end);
  });
  socket.on('error', () => {}).on('close', () => (noted.ended = true));
  onTestFinished(() => void socket.destroy());
  return { last, noted };
}

/** A client that asks, and then takes nothing; by a socket whose buffers the system does not grow. */
async function openStalled(handler: Shop['handler']) {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-live-`);
  const server = createServer(handler).listen(`${folder}/socket`);
  await once(server, 'listening');
  const noted = { ended: false, bytes: 0 };
  const socket = connect(`${folder}/socket`, () => socket.write(request));
  socket.on('data', (chunk: Buffer) => (noted.bytes += chunk.length)).pause();
  socket.on('error', () => {}).on('close', () => (noted.ended = true));
  onTestFinished(() => {
    socket.destroy();
    server.close().closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  return { noted, read: () => void socket.resume() };
}

const request = `GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.viewer}\r\n\r\n`;
const CIRCUIT_EVENT = /^data: \{"id":"(c\d+-*)".*?"to":"([a-z-]+)".*?"atMs":(\d+)\}/gm;

it(
  'keeps 19 clients up to date, and cuts off one that takes nothing, in bounded memory',
  { timeout: 60_000 },
  async () => {
    const shop = await openShop({ stalledMs: 2000 });
    onTestFinished(() => shop.close());
    const breakers = Array.from({ length: CIRCUITS }, (_, index) =>
      shop.registry.create(circuitBreaker, { name: `c${index}`.padEnd(20, '-') }),
    );
    const stalled = await openStalled(shop.handler);
    const readers = Array.from({ length: READERS }, () => openReader(shop.port));
    await sleep(300);
    const before = memory();
    let mostBytes = 0;

    for (let round = 0; round < ROUNDS; round++) {
      const dueAt = performance.now() + ROUND_MS;
      for (const breaker of breakers) turn(breaker, round);
      mostBytes = Math.max(mostBytes, memory() - before);
      await sleep(Math.max(0, dueAt - performance.now()));
    }
    for (const breaker of breakers) turn(breaker, 0);
    await sleep(300);
    const isUpToDate = ({ last }: { last: Map<string, string> }) =>
      breakers.every(({ name }) => last.get(name) === 'forced-open');
    for (let tries = 0; tries < 100 && !readers.every(isUpToDate); tries++) await sleep(100);
    stalled.read();
    for (let tries = 0; tries < 100 && !stalled.noted.ended; tries++) await sleep(100);

    const latestMs = Math.max(...readers.map(({ noted }) => noted.latestMs));
    const eventCounts = readers.map(({ noted }) => noted.events);
    console.log({
      latestMs,
      stalled: stalled.noted,
      read: readers[0]?.noted.bytes,
      mostMegabytes: Math.round(mostBytes / 2 ** 20),
      events: Math.min(...eventCounts),
    });
    expect(readers.map(isUpToDate)).toEqual(readers.map(() => true));
    expect(readers.map(({ noted }) => noted.ended)).toEqual(readers.map(() => false));
    expect(Math.min(...readers.map(({ noted }) => noted.samples))).toBeGreaterThan(0);
    expect(Math.min(...eventCounts)).toBeGreaterThan((CIRCUITS * ROUNDS) / 4);
    expect(latestMs).toBeLessThan(3000);
    expect([
      stalled.noted.ended,
      stalled.noted.bytes < Math.min(...readers.map(({ noted }) => noted.bytes)) / 2,
    ]).toEqual([true, true]);
    expect(mostBytes).toBeLessThan(200 * 2 ** 20);
  },
);

/** Moves a circuit to the next of three states, so that what is gathered over two rounds is a change as well. */
function turn(breaker: CircuitBreaker, round: number): void {
  const options = { owner: 'load', forMs: 60_000 };
  if (round % 3 === 0) breaker.hold('open', options);
  else if (round % 3 === 1) breaker.hold('closed', options);
  else breaker.hold('closed', options).release();
}

/** What this process holds, clients included. */
function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
