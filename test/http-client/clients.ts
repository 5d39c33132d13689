/**
 * The three clients, in one shape, for what must hold for each.
 *
 * @module
 */

import type { Readable } from 'node:stream';

import type { Context, Policy } from '@holdfast/core';
import type { PropagationOptions } from '@holdfast/http';
import { createAxiosRequest } from '@holdfast/http/axios';
import { createFetch } from '@holdfast/http/fetch';
import { createRequest } from '@holdfast/http/undici';
import axios from 'axios';
import { Agent, interceptors } from 'undici';

/** What a test asks of a client. */
interface LabCall {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly idempotent?: boolean;
  readonly signal?: AbortSignal;
}

/** What a client answers. */
interface LabAnswer {
  readonly status: number;
  text(): Promise<string>;
}

/** A client under test. */
export interface LabClient extends AsyncDisposable {
  call(context: Context, url: string, request?: LabCall): Promise<LabAnswer>;
}

/** How a client is made. */
export interface LabClientOptions extends PropagationOptions {
  readonly policy?: Policy<unknown>;
  readonly timeoutMs?: number;
  readonly minTimeLeftMs?: number;
}

/** Makes each client. The body of its answers is a stream that the caller reads. */
const clients: Readonly<Record<string, (options?: LabClientOptions) => LabClient>> = {
  fetch: (options = {}) => {
    const send = createFetch(options);
    return {
      call: async (context, url, request = {}) => {
        const response = await send(context, url, request as object);
        return { status: response.status, text: () => response.text() };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
  undici: (options = {}) => {
    const agent = new Agent({ connect: { rejectUnauthorized: false } });
    const redirect = interceptors.redirect({ maxRedirections: 3 });
    const send = createRequest(agent, { ...options, interceptors: [redirect] });
    return {
      call: async (context, url, request = {}) => {
        const { statusCode, body } = await send(context, url, request);
        return { status: statusCode, text: () => body.text() };
      },
      [Symbol.asyncDispose]: () => agent.destroy(),
    };
  },
  axios: (options = {}) => {
    const client = axios.create({ responseType: 'stream', validateStatus: () => true, proxy: false });
    const send = createAxiosRequest(client, options);
    return {
      call: async (context, url, { body, ...request } = {}) => {
        const { status, data } = await send<Readable>(context, { url, data: body, ...request });
        return { status, text: () => textOf(data) };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

/** Their names. */
export const clientNames: readonly string[] = Object.keys(clients);

/** Makes the client of that name. */
export function makeClient(name: string, options?: LabClientOptions): LabClient {
  const make = clients[name];
  if (make === undefined) throw new Error(`there is no client ${name}`);
  return make(options);
}

// --- internal ---

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
