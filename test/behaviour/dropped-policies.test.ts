import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { repository } from '../repository.ts';

const run = promisify(execFile);

describe('policies that nobody keeps', () => {
  it(
    'charter A1: are collected, used or not, and leave nothing behind: no memory, listener or timer',
    { timeout: 60_000 },
    async () => {
      const source = `
        import * as core from '@holdfast/core';
        const { bulkhead, cache, circuitBreaker, coalesce, fallback, hedge, keyed, pipeline, rateLimiter, retry, timeout } = core;
        const events = core.createEvents();
        const kinds = [
          (name) => timeout({ name, timeoutMs: 100, events }),
          (name) => retry({ name, events }),
          (name) => circuitBreaker({ name, events }),
          (name) => bulkhead({ name, maxQueued: 5, events }),
          (name) => rateLimiter({ name, maxPerInterval: 5, maxQueued: 5, events }),
          (name) => fallback({ name, value: 0, events }),
          (name) => hedge({ name, delayMs: 50, events }),
          (name) => cache({ name, keyOf: () => 'key', events }),
          (name) => coalesce({ name, keyOf: () => 'key', events }),
          (name) => keyed({ name, keyOf: () => 'key', make: () => circuitBreaker({ name }), events }),
          (name) => pipeline({ name }, fallback({ value: 0 }), retry(), circuitBreaker(), bulkhead(), timeout(100)),
        ];
        const used = () => { for (let pass = 0; pass < 4; pass++) gc(); return process.memoryUsage().heapUsed; };
        const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
        const refs = [];
        async function make(count) {
          for (let index = 0; index < count; index++) {
            const policy = kinds[index % kinds.length]('policy-' + index);
            if (index % 7 === 0) await policy.execute(async () => 1);
            if (index % 1000 === 0) refs.push(new WeakRef(policy));
          }
        }
        await make(5000);
        await turn();
        const before = used();
        refs.length = 0;
        await make(100_000);
        await turn();
        await new Promise((resolve) => setTimeout(resolve, 250)); // timers that were set have fired
        const grownBytes = used() - before;
        const kept = refs.filter((ref) => ref.deref() !== undefined).length;
        console.log(JSON.stringify({ kept, isFlat: grownBytes < 2_000_000, timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length }));
      `;
      const flags = ['--expose-gc', '--conditions=@holdfast/source', '--import', 'tsx', '--input-type=module'];
      const { stdout } = await run(process.execPath, [...flags, '--eval', source], { cwd: `${repository}/test` });

      expect(JSON.parse(stdout)).toEqual({ kept: 0, isFlat: true, timers: 0 });
    },
  );
});
