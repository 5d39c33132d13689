/**
 * Context interceptor: an interceptor of undici that has every request end with its context, and sends what is left of its time.
 *
 * undici itself has no bound of a whole request, and hears of a signal only once a connection is there.
 *
 *   dispatch ─► waits for a connection ─► sent ─► head ─► body ─► end
 *       │                │                  └───────┴───────┴── the context ends ─► aborted, the socket is closed
 *       │                └── the context ends ─► fails at once; when the connection is there, nothing is sent
 *       └── ended already, or too little time ─► fails, nothing is dispatched
 *
 * Invariants
 *  (1) The request fails with the context's cause, by identity, as soon as that ends, in every phase.
 *  (2) The handler hears of its end exactly once.
 *  (3) No `AbortSignal` is made, and nothing listens to the context once the request is over.
 *
 * @module
 */

import { type Context, isContext, isFunction, reportHookError, requireContext, withKnown } from '@holdfast/core';

import { checkMinTimeLeft } from '../client/call-limits.ts';
import { ContextTie } from '../client/context-tie.ts';
import { NotEnoughTimeError } from '../client/http-client-error.ts';
import { type Propagation, type PropagationOptions, createPropagation } from '../client/propagation.ts';
import type { UndiciDispatch, UndiciHandler, UndiciInterceptor, UndiciOptions } from './undici-client.ts';
import { plainHeadersOf } from './undici-headers.ts';
import { WatchedHandler } from './watched-handler.ts';

/** Options of {@link contextInterceptor}. Omitted ones take {@link contextInterceptorDefaults}. */
export interface ContextInterceptorOptions extends PropagationOptions {
  /**
   * Returns the context of the moment, for requests that come without one: `() => ambient.current()`. By default those go through
   * as they are, and so they do where it throws, which is reported.
   */
  readonly current?: () => Context | undefined;
  /** Time that a request needs to be of use: with less left, none is sent. Milliseconds, 0 to 600 000. @defaultValue 1 */
  readonly minTimeLeftMs?: number;
}

/** Every default of {@link contextInterceptor}, in one place. */
export const contextInterceptorDefaults: { readonly minTimeLeftMs: number } = Object.freeze({ minTimeLeftMs: 1 });

/**
 * Returns `options` of a request of undici with the context that the request is under.
 *
 * @throws TypeError when `context` is no context.
 *
 * @example
 * ```ts
 * const { body } = await agent.request(underContext(context, { origin, path: '/orders/7', method: 'GET' }));
 * ```
 */
export function underContext<O extends object>(context: Context, options: O): O {
  requireContext('underContext', context);
  return Object.assign({}, options, { [ticketKey]: new Ticket(context, undefined) });
}

/**
 * Creates an interceptor for `dispatcher.compose`. It must be inside of those that retry or follow redirects, so it comes before
 * them in the list.
 *
 * @throws ConfigError when an option is not valid.
 *
 * @example
 * ```ts
 * const agent = new Agent().compose(contextInterceptor(), interceptors.redirect({ maxRedirections: 3 }));
 * ```
 */
export function contextInterceptor(options: ContextInterceptorOptions = {}): UndiciInterceptor {
  const known = ['codec', 'propagateTo', 'current'];
  const { current, minTimeLeftMs, ...told } = withKnown(
    'contextInterceptor',
    contextInterceptorDefaults,
    options,
    known,
  );
  checkMinTimeLeft('contextInterceptor', minTimeLeftMs);
  if (current !== undefined) isFunction('contextInterceptor.current', current);
  const rules: Rules = { current, minTimeLeftMs, propagation: createPropagation('contextInterceptor', told) };

  return (dispatch) => (request, handler) => {
    const ticket = ticketOf(request, current);
    return ticket === undefined ? dispatch(request, handler) : start(rules, ticket, { dispatch, request, handler });
  };
}

/** As {@link underContext}, for a call that keeps the tie of its request, and hears when it is sent on elsewhere. */
export function underTie<O extends object>(context: Context, options: O, exchange: TiedExchange): O {
  return Object.assign({}, options, { [ticketKey]: new Ticket(context, exchange) });
}

/** What a call wants to know and decide of a request. */
export interface TiedExchange {
  readonly tie: ContextTie;
  hasArrived(): void;
}

// --- internal ---

const ticketKey: unique symbol = Symbol('holdfast context');

/** Goes with the options of a request, through all copies that other interceptors make of them. */
class Ticket {
  readonly context: Context;
  readonly exchange: TiedExchange | undefined;
  /** Where it was sent first; the others are redirects. */
  calledOrigin: string | undefined = undefined;

  constructor(context: Context, exchange: TiedExchange | undefined) {
    this.context = context;
    this.exchange = exchange;
  }
}

interface Rules {
  readonly current: (() => Context | undefined) | undefined;
  readonly minTimeLeftMs: number;
  readonly propagation: Propagation;
}

interface Dispatching {
  readonly dispatch: UndiciDispatch;
  readonly request: UndiciOptions;
  readonly handler: UndiciHandler;
}

function ticketOf(request: UndiciOptions, current: Rules['current']): Ticket | undefined {
  const given = (request as { readonly [ticketKey]?: Ticket })[ticketKey];
  if (given !== undefined) return given;
  if (current === undefined) return undefined;
  try {
    const context = current();
    return isContext(context) ? new Ticket(context, undefined) : undefined;
  } catch (error) {
    reportHookError('current', error, 'contextInterceptor');
    return undefined;
  }
}

function start(rules: Rules, ticket: Ticket, { dispatch, request, handler }: Dispatching): boolean {
  const { context, exchange } = ticket;
  const watched = new WatchedHandler(handler, exchange?.tie ?? new ContextTie(), exchange !== undefined);
  const remainingMs = context.remainingMs();
  if (context.cancelled) return watched.fail(context.cause);
  if (remainingMs < rules.minTimeLeftMs) return watched.fail(new NotEnoughTimeError(remainingMs, rules.minTimeLeftMs));

  const origin = originOf(request);
  if (ticket.calledOrigin !== undefined) exchange?.hasArrived();
  ticket.calledOrigin ??= origin;
  const { calledOrigin } = ticket;
  const headers = rules.propagation.inject(context, plainHeadersOf(request.headers), { origin, calledOrigin });
  watched.watch(context);
  return dispatch({ ...request, headers }, watched);
}

function originOf({ origin }: UndiciOptions): string {
  const text = String(origin ?? '');
  return URL.canParse(text) ? new URL(text).origin : text;
}
