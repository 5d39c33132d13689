/**
 * Keyed breakers: a million keyed circuit breakers with default options, each used once, in a process that may have a heap of
 * 1 GiB. Prints the bytes of a key, and fails when they do not fit, or are not all there.
 *
 *   node --conditions=@holdfast/source --import tsx test/soak/keyed-breakers.ts
 *
 * The heap limit must be set when a process starts, so the measuring is done by a child process: this file, with `measure`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';

import { Context, circuitBreaker, contextKey, keyed } from '@holdfast/core';

const KEY_COUNT = 1_000_000;
const HEAP_MB = 1024;
/** What is left of the heap must be enough for the service around them. */
const MAX_HEAP_RATIO = 0.9;

if (process.argv[2] === 'measure') await measure();
else measureInChild();

function measureInChild(): void {
  const flags = ['--expose-gc', `--max-old-space-size=${HEAP_MB}`, '--conditions=@holdfast/source', '--import', 'tsx'];
  const { status, signal } = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), 'measure'], {
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.error(`${KEY_COUNT} keyed breakers do not fit in ${HEAP_MB} MiB: ${signal ?? `exit code ${status}`}`);
    process.exitCode = 1;
  }
}

async function measure(): Promise<void> {
  const host = contextKey<string>('host');
  const breakers = keyed({
    name: 'hosts',
    keyOf: (context) => context.value(host) ?? '',
    make: (_key, name) => circuitBreaker({ name }),
    maxKeys: KEY_COUNT,
  });
  const before = usedBytes();
  let answered = 0;
  for (let index = 0; index < KEY_COUNT; index++) {
    void breakers
      .execute(() => index, Context.background.withValue(host, `host-${index}.example`))
      .then(() => answered++);
    if (index % 1000 === 0) await setImmediate();
  }
  await setImmediate();
  const bytes = usedBytes() - before;

  const { size } = breakers.snapshot();
  const limit = getHeapStatistics().heap_size_limit;
  const line = { keys: size, bytesPerKey: Math.round(bytes / size), heapMB: Math.round(bytes / 2 ** 20) };
  console.log(JSON.stringify({ ...line, heapLimitMB: Math.round(limit / 2 ** 20) }));
  assert.equal(answered, KEY_COUNT);
  const counts = { size: KEY_COUNT, created: KEY_COUNT, calls: KEY_COUNT, running: 0, overflowed: 0 };
  assert.deepEqual({ ...breakers.snapshot(), ...counts }, breakers.snapshot());
  assert.equal(breakers.get('host-0.example')?.snapshot().verdicts.success, 1);
  assert.ok(bytes <= HEAP_MB * 2 ** 20 * MAX_HEAP_RATIO, 'they fit, but leave no room for anything else');
}

function usedBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
  return process.memoryUsage().heapUsed;
}
