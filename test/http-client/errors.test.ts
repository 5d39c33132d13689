/**
 * The real errors of real clients, and what the table of failures makes of them.
 *
 * @module
 */

import type { AddressInfo } from 'node:net';
import { type Server, createServer as createTlsServer } from 'node:tls';

import { Context, type Outcome, type Policy, type Verdict } from '@holdfast/core';
import { classifyHttp, classifyHttpForRetry } from '@holdfast/http';
import { createAxiosRequest } from '@holdfast/http/axios';
import { createFetch } from '@holdfast/http/fetch';
import { createRequest } from '@holdfast/http/undici';
import axios from 'axios';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { certificate, privateKey } from '../postgres-lab/self-signed.ts';
import { type BareServer, refusingPort, startBareServer } from './http-lab.ts';

/** What was made of an error: what it says of the server, and whether a GET and a POST are sent again. */
interface Judgement {
  readonly verdict: Verdict;
  readonly repeats: boolean;
}

const background = Context.background;
const agent = new Agent({ headersTimeout: 50 });
const calls: Readonly<Record<string, (policy: Policy, url: string, method: string) => Promise<unknown>>> = {
  fetch: (policy, url, method) => createFetch({ policy })(background, url, { method }),
  undici: (policy, url, method) => createRequest(agent, { policy })(background, url, { method }),
  axios: (policy, url, method) =>
    createAxiosRequest(axios.create({ proxy: false }), { policy })(background, { url, method }),
};

/** Calls, and judges the error that comes. */
async function judge(client: string, url: string, method = 'GET'): Promise<Judgement> {
  let judgement: Judgement | undefined;
  const policy: Policy = {
    execute: async (operation, context = background) => {
      try {
        return await operation(context);
      } catch (error) {
        const outcome: Outcome = { status: 'rejected', error };
        const repeats = classifyHttpForRetry(outcome, context) === 'failure';
        judgement = { verdict: classifyHttp(outcome, context), repeats };
        throw error;
      }
    },
  };
  await calls[client]?.(policy, url, method).catch(() => {});
  if (judgement === undefined) throw new Error('nothing was judged');
  return judgement;
}

let refused = 0;
let resetting: BareServer;
let babbling: BareServer;
let closing: BareServer;
let selfSigned: Server;

beforeAll(async () => {
  refused = await refusingPort();
  resetting = await startBareServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  babbling = await startBareServer((socket) => socket.once('data', () => socket.end('NONSENSE\r\n\r\n')));
  closing = await startBareServer((socket) => socket.once('data', () => socket.end()));
  selfSigned = createTlsServer({ cert: certificate, key: privateKey }, (socket) => socket.on('error', () => {}).end());
  selfSigned.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => selfSigned.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  for (const server of [resetting, babbling, closing]) await server[Symbol.asyncDispose]();
  await new Promise((resolve) => selfSigned.close(resolve));
  await agent.destroy();
});

/** Where to call, and which methods are sent again after what comes of that; all of it is a failure of the server. */
interface Case {
  readonly url: () => string;
  readonly repeated: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  'nobody listens': { url: () => `http://127.0.0.1:${refused}`, repeated: ['GET', 'POST'] },
  'the name is none': { url: () => 'http://no-such-host.invalid', repeated: ['GET', 'POST'] },
  'the connection is reset': { url: () => `http://127.0.0.1:${resetting.port}`, repeated: ['GET'] },
  'the connection is closed': { url: () => `http://127.0.0.1:${closing.port}`, repeated: ['GET'] },
  'the answer is no HTTP': { url: () => `http://127.0.0.1:${babbling.port}`, repeated: [] },
  'the certificate is not trusted': {
    url: () => `https://127.0.0.1:${(selfSigned.address() as AddressInfo).port}`,
    repeated: [],
  },
  'the server speaks no TLS': { url: () => `https://127.0.0.1:${babbling.port}`, repeated: [] },
};

describe.each(Object.keys(calls))('charter F5: errors of %s are known by code', (client) => {
  it.each(Object.entries(cases))('where %s', { timeout: 30_000 }, async (_what, { url, repeated }) => {
    for (const method of ['GET', 'POST'])
      expect(await judge(client, url(), method)).toEqual({ verdict: 'failure', repeats: repeated.includes(method) });
  });
});

it('charter F5: a limit of the client itself is one of the server', async () => {
  const silent = await startBareServer((socket) => socket.resume());

  expect(await judge('undici', `http://127.0.0.1:${silent.port}`)).toEqual({ verdict: 'failure', repeats: true });
  await silent[Symbol.asyncDispose]();
});

it.each(['undici', 'axios'])('charter F5: a call that is wrong says nothing of the server: %s', async (client) => {
  const url = `http://127.0.0.1:${refused}`;

  expect(await judge(client, url, 'NO METHOD')).toEqual({ verdict: 'ignored', repeats: false });
});
