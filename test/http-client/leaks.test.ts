/**
 * Thousands of calls under one context that lives on: nothing of them stays.
 *
 * @module
 */

import { getEventListeners } from 'node:events';

import { Context } from '@holdfast/core';
import { httpPolicies } from '@holdfast/http';
import { expect, it } from 'vitest';

import { clientNames, makeClient } from './clients.ts';
import { startServer } from './http-lab.ts';

const CALLS = 2000;

it.each(clientNames)(
  'charter A3: %s leaves no listener behind after 2,000 calls',
  { timeout: 120_000 },
  async (name) => {
    await using server = await startServer((request, response) => {
      if (request.url === '/fail') request.socket.destroy();
      else response.end('fine');
    });
    await using client = makeClient(name, { policy: httpPolicies({ breaker: { enforcement: 'off' } }) });
    const controller = new AbortController();
    const context = Context.from(controller.signal);
    const warnings: unknown[] = [];
    const warn = (warning: unknown): unknown => warnings.push(warning);
    process.on('warning', warn);
    let most = 0;

    for (let i = 0; i < CALLS; i++) {
      const path = i % 100 === 99 ? '/fail' : '/';
      const calling = client.call(context, server.url + path, { method: path === '/' ? 'GET' : 'POST' });
      most = Math.max(most, getEventListeners(controller.signal, 'abort').length);
      await calling.then(
        (answer) => answer.text(),
        () => 'failed',
      );
    }

    process.off('warning', warn);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect([most <= 2, warnings]).toEqual([true, []]);
    expect(server.requests.length).toBeGreaterThanOrEqual(CALLS);
  },
);
