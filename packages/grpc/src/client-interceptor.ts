/**
 * Client interceptor: has the calls of any client of grpc-js end with a context, for code that calls the client itself.
 *
 * @module
 */

import {
  type CallOptions,
  InterceptingCall,
  type Interceptor,
  type InterceptorOptions,
  type NextCall,
  type StatusObject,
  Metadata,
} from '@grpc/grpc-js';
import {
  type Context,
  isContext,
  isFunction,
  isTimeout,
  reportHookError,
  requireContext,
  withKnown,
} from '@holdfast/core';

import { Outgoing, type OutgoingOptions, outgoingDefaults } from './outgoing.ts';
import { statusNumberOf } from './status-table.ts';

/** Options of {@link clientInterceptor}. */
export interface ClientInterceptorOptions extends OutgoingOptions {
  /**
   * Returns the context of a call whose options name none: `ambient.current` of `@holdfast/context`. Undefined for none; a throw is
   * reported, and there is none. By default calls without a context pass as they are.
   */
  readonly context?: () => Context | undefined;
}

/**
 * Returns options for a call of a client that has a {@link clientInterceptor}: the call ends with `context`.
 *
 * @throws TypeError when `context` is no context.
 */
export function withCallContext<O extends CallOptions>(context: Context, options?: O): O & CallOptions {
  requireContext('withCallContext', context);
  return Object.assign({}, options, { [CALL_CONTEXT]: context });
}

/**
 * Creates an interceptor for `interceptors` of a client. A call under a context that has ended is not started. What the context
 * has ended has the status of its end: DEADLINE_EXCEEDED or CANCELLED. It knows no policies: those are `createGrpcClient`'s.
 *
 * @throws ConfigError when an option is not valid.
 */
export function clientInterceptor(options: ClientInterceptorOptions = {}): Interceptor {
  const settings = withKnown('clientInterceptor', outgoingDefaults, options, ['codec', 'context']);
  if (settings.context !== undefined) isFunction('clientInterceptor.context', settings.context);
  const outgoing = new Outgoing('clientInterceptor', settings);

  return (callOptions, nextCall) => {
    const context = contextIn(callOptions) ?? askForContext(settings.context);
    return context === undefined
      ? new InterceptingCall(nextCall(callOptions))
      : callUnder(context, outgoing, { callOptions, nextCall });
  };
}

// --- internal ---

const CALL_CONTEXT = Symbol.for('@holdfast/grpc-call-context');

interface Planned {
  readonly callOptions: InterceptorOptions;
  readonly nextCall: NextCall;
}

function contextIn(options: object): Context | undefined {
  const context = (options as { readonly [CALL_CONTEXT]?: unknown })[CALL_CONTEXT];
  return isContext(context) ? context : undefined;
}

function askForContext(ask: (() => Context | undefined) | undefined): Context | undefined {
  try {
    const context: unknown = ask?.();
    if (context === undefined) return undefined;
    requireContext('clientInterceptor.context', context);
    return context;
  } catch (error) {
    reportHookError('context', error, 'clientInterceptor');
    return undefined;
  }
}

function callUnder(context: Context, outgoing: Outgoing, { callOptions, nextCall }: Planned): InterceptingCall {
  const deadline = outgoing.deadlineOf(context, callOptions.deadline);
  if (context.cancelled || outgoing.hasPassed(deadline)) return unstartedCall(context);
  const call = nextCall({ ...callOptions, deadline });
  let unhook: (() => unknown) | undefined;
  return new InterceptingCall(call, {
    start(metadata, _listener, next) {
      next(outgoing.metadataOf(context, metadata), {
        onReceiveStatus(status, pass) {
          unhook?.();
          pass(statusUnder(context, status));
        },
      });
      unhook = context.onCancel(() => call.cancelWithStatus(endNumberOf(context), 'the context of the call has ended'));
    },
  });
}

/** A call that ends by itself in the next turn, as one of grpc-js whose deadline has passed. */
function unstartedCall(context: Context): InterceptingCall {
  const code = context.cancelled ? endNumberOf(context) : statusNumberOf('DEADLINE_EXCEEDED');
  const status = { code, details: 'the context of the call had ended before it began', metadata: new Metadata() };
  return new InterceptingCall({
    start: (_metadata, listener) => process.nextTick(() => listener?.onReceiveStatus?.(status)),
    cancelWithStatus: nothing,
    getPeer: () => 'unknown',
    sendMessageWithContext: nothing,
    sendMessage: nothing,
    startRead: nothing,
    halfClose: nothing,
    getAuthContext: () => null,
  });
}

function nothing(): void {}

/** A server that hears of a cancel before its own deadline says CANCELLED, where it was the deadline. */
function statusUnder(context: Context, status: StatusObject): StatusObject {
  const isEnd = (status.code as number) === statusNumberOf('CANCELLED') && context.cancelled;
  return isEnd ? { ...status, code: endNumberOf(context) } : status;
}

function endNumberOf(context: Context): number {
  const isLate = context.endedBy === 'deadline' || isTimeout(context.cause);
  return statusNumberOf(isLate ? 'DEADLINE_EXCEEDED' : 'CANCELLED');
}
