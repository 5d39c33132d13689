/**
 * axios exchange: one request of a call through axios, to its answer.
 *
 * @module
 */

import type { Exchange } from '../client/http-call.ts';
import type { Propagation } from '../client/propagation.ts';
import { type AxiosAnswer, type AxiosClient, type AxiosConfig, axiosOrigin } from './axios-client.ts';

/** What is sent, and by what. */
export interface AxiosSending {
  readonly client: AxiosClient<never>;
  readonly propagation: Propagation;
  readonly exchange: Exchange;
  readonly config: AxiosConfig;
  readonly url: string;
}

/** Sends a request. The tie is released with the answer, or with the end of the stream that it is. */
export async function sendAxios({
  client,
  propagation,
  exchange,
  config,
  url,
}: AxiosSending): Promise<AxiosAnswer<unknown>> {
  const { context, tie } = exchange;
  const controller = new AbortController();
  tie.onAbort((cause) => controller.abort(cause));
  const calledOrigin = axiosOrigin(url);
  const before = new Set(Object.keys(config.headers as object));
  const headers = propagation.inject(
    context,
    { ...(config.headers as object) },
    { origin: calledOrigin, calledOrigin },
  );
  const told = Object.keys(headers).filter((name) => !before.has(name));
  const { data } = config as { readonly data?: unknown };
  const sending = client.request({
    ...config,
    headers,
    data: typeof data === 'function' ? (data as () => unknown)() : data,
    signal: controller.signal,
    beforeRedirect: (options: Record<string, unknown>, ...rest: unknown[]) => {
      exchange.hasArrived();
      withhold(options, told, (origin) => propagation.isTrusted({ origin, calledOrigin }));
      config.beforeRedirect?.(options, ...rest);
    },
  } as never) as Promise<AxiosAnswer<unknown>>;
  try {
    const response = await sending;
    followStream(response, exchange, controller);
    return response;
  } catch (error) {
    followStream(responseInAxios(error), exchange, controller);
    throw error;
  }
}

/** The answer in an error of axios, which makes errors of statuses; undefined where there is none. */
export function responseInAxios(error: unknown): AxiosAnswer<unknown> | undefined {
  const { response } = Object(error) as { readonly response?: unknown };
  return typeof response === 'object' && response !== null ? (response as AxiosAnswer<unknown>) : undefined;
}

/** Throws an answer away. */
export function discardAxios(response: unknown): void {
  const { data } = Object(response) as { readonly data?: unknown };
  if (isStream(data)) data.on('error', () => {}).destroy();
}

// --- internal ---

interface StreamLike {
  on(event: string, listener: () => void): StreamLike;
  destroy(error?: unknown): unknown;
}

function isStream(value: unknown): value is StreamLike {
  const { on, destroy } = Object(value) as { on?: unknown; destroy?: unknown };
  return typeof on === 'function' && typeof destroy === 'function';
}

/** Takes out of the headers of a redirect what its origin is not to know. */
function withhold(
  options: Record<string, unknown>,
  names: readonly string[],
  isTrusted: (origin: string) => boolean,
): void {
  const { href, headers } = options as { readonly href?: unknown; readonly headers?: Record<string, unknown> };
  if (headers === undefined || isTrusted(axiosOrigin(String(href)))) return;
  for (const name of Object.keys(headers))
    if (names.some((told) => told.toLowerCase() === name.toLowerCase())) delete headers[name];
}

/** A stream goes on after the answer is there: it ends with the context, too, and with its cause. */
function followStream(response: unknown, { tie }: Exchange, controller: AbortController): void {
  const { data } = Object(response) as { readonly data?: unknown };
  if (!isStream(data)) {
    tie.release();
    return;
  }
  data.on('close', () => tie.release());
  tie.onAbort((cause) => {
    data.destroy(cause); // before axios does, which would say less
    controller.abort(cause);
  });
}
