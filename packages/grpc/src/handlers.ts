/**
 * Handlers: functions of a context and a request that return promises or async iterables, as handlers of grpc-js.
 *
 * Always
 *  - A call is answered once, whatever the handler does: with its value, or with the status of its error. So is one whose handler
 *    was made for a method of another kind.
 *  - A policy begins the handler of a stream again only while no message of it was read or sent.
 *  - What a handler streams is read no further once nobody takes it, and its source is told.
 *  - What the client streams ends for the handler when the call does: with the context's cause, if it was cut off.
 *
 * @module
 */

import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { callHook, type Context, type Policy } from '@holdfast/core';

import { contextOf } from './call-context.ts';
import { chosenPolicy, type PolicyChoice } from './call-policy.ts';
import { chosenErrorOf, type GrpcErrorsOf } from './chosen-error.ts';
import { type FinalStatus, saysNothing, statusOfError } from './error-status.ts';
import type { GrpcMethod, GrpcSource } from './grpc-call.ts';
import { answers, requestsOf } from './served-stream.ts';
import { type Claim, StreamTries } from './stream-tries.ts';

/** Makes handlers of grpc-js of functions. */
export interface GrpcHandlers {
  /** Of a function that promises the response. What it throws becomes a status. */
  handleUnary<Request, Response>(
    handler: (
      context: Context,
      request: Request,
      call: ServerUnaryCall<Request, Response>,
    ) => Response | PromiseLike<Response>,
  ): handleUnaryCall<Request, Response>;
  /** Of a function that gets the requests as an async iterable, and promises the response. */
  handleClientStream<Request, Response>(
    handler: (
      context: Context,
      requests: AsyncIterable<Request>,
      call: ServerReadableStream<Request, Response>,
    ) => Response | PromiseLike<Response>,
  ): handleClientStreamingCall<Request, Response>;
  /** Of a function that returns the responses, as an async generator does. They are read as fast as the client takes them. */
  handleServerStream<Request, Response>(
    handler: (
      context: Context,
      request: Request,
      call: ServerWritableStream<Request, Response>,
    ) => GrpcSource<Response>,
  ): handleServerStreamingCall<Request, Response>;
  /** Of a function that gets the requests as an async iterable, and returns the responses. */
  handleBidi<Request, Response>(
    handler: (
      context: Context,
      requests: AsyncIterable<Request>,
      call: ServerDuplexStream<Request, Response>,
    ) => GrpcSource<Response>,
  ): handleBidiStreamingCall<Request, Response>;
}

/** What handlers need of their server. */
export interface HandlerParts {
  readonly policy: PolicyChoice<HandledMethod> | undefined;
  readonly errors: GrpcErrorsOf | undefined;
  readonly onHandlerError: (error: unknown, path: string) => unknown;
}

/** Makes what makes handlers. */
export function makeHandlers(parts: HandlerParts): GrpcHandlers {
  return {
    handleUnary: (handler) => {
      requireHandler('handleUnary', handler);
      const under = policyOf(parts.policy, 'unary');
      return (call, callback) =>
        answerOnce(parts, { call, callback }, (context) =>
          under(call, context, (own) => handler(own, call.request, call)),
        );
    },
    handleClientStream: (handler) => {
      requireHandler('handleClientStream', handler);
      const under = policyOf(parts.policy, 'client-stream');
      return (call, callback) =>
        answerOnce(parts, { call, callback }, (context) =>
          under(call, context, (own, claim) => handler(own, requestsOf(call, context, claim), call)),
        );
    },
    handleServerStream: (handler) => {
      requireHandler('handleServerStream', handler);
      const under = policyOf(parts.policy, 'server-stream');
      return (call) =>
        stream(parts, call, (context) =>
          under(call, context, (own, claim) => answers(call, own, { source: handler(own, call.request, call), claim })),
        );
    },
    handleBidi: (handler) => {
      requireHandler('handleBidi', handler);
      const under = policyOf(parts.policy, 'bidi');
      return (call) =>
        stream(parts, call, (context) =>
          under(call, context, (own, claim) =>
            answers(call, own, { source: handler(own, requestsOf(call, context, claim), call), claim }),
          ),
        );
    },
  };
}

// --- internal ---

type HandledMethod = Pick<GrpcMethod, 'path' | 'kind'>;

interface PathedCall {
  readonly metadata: Metadata;
  getPath(): string;
  emit(event: 'error', status: object): boolean;
}

type Under = <T>(
  call: PathedCall,
  context: Context,
  operation: (own: Context, claim: Claim) => T | PromiseLike<T>,
) => Promise<T>;

function requireHandler(place: string, handler: unknown): void {
  if (typeof handler !== 'function') throw new TypeError(`${place} needs a function (context, request, call)`);
}

/** Returns what runs a handler's function under its policy, which is asked for with the first call, when the path is known. */
function policyOf(chosen: HandlerParts['policy'], kind: GrpcMethod['kind']): Under {
  let policy: Policy<unknown> | undefined;
  let isChosen = false;
  return async (call, context, operation) => {
    if (!isChosen) policy = chosenPolicy('grpcServing.policy', chosen, { path: call.getPath(), kind });
    isChosen = true;
    if (policy === undefined) return operation(context, nobodyElse);
    const tries = new StreamTries();
    return policy.execute((own) => tries.run((claim) => operation(own, claim)), context) as never;
  };
}

/** The claim of a try that is the only one. */
function nobodyElse(): void {}

/** Answers a call that has one response. Of a method that streams responses, grpc-js gives no callback: that call fails. */
function answerOnce<Response>(
  parts: HandlerParts,
  { call, callback }: { readonly call: PathedCall; readonly callback: sendUnaryData<Response> | undefined },
  run: (context: Context) => Promise<Response>,
): void {
  if (callback === undefined) return stream(parts, call, rejectKind);
  void (async () => {
    const outcome = await outcomeOf(parts, call, run);
    if (outcome.error === undefined) callback(null, outcome.value);
    else callback(outcome.error);
  })();
}

/** Fails a call that is served by a handler of another kind. */
async function rejectKind(): Promise<never> {
  throw new TypeError('this method streams responses: make its handler with handleServerStream or handleBidi');
}

/** Answers a call that has a stream of responses. */
function stream(
  parts: HandlerParts,
  call: PathedCall & { end?(): unknown },
  run: (context: Context) => Promise<void>,
): void {
  void (async () => {
    const { error } = await outcomeOf(parts, call, run);
    if (error === undefined) call.end?.();
    else call.emit('error', error);
  })();
}

type HandlerOutcome<T> =
  | { readonly error: undefined; readonly value: T }
  | { readonly error: Error & FinalStatus; readonly value?: undefined };

/** Runs a handler. Never rejects. */
async function outcomeOf<T>(
  parts: HandlerParts,
  call: PathedCall,
  run: (context: Context) => Promise<T>,
): Promise<HandlerOutcome<T>> {
  let context: Context | undefined;
  try {
    context = contextOf(call);
    return { error: undefined, value: await run(context) };
  } catch (error) {
    const path = call.getPath();
    const status = statusOfError(context?.cancelled === true ? error : chosenErrorOf(parts.errors, error, path));
    if (saysNothing(status) && !isOfEnd(error, context))
      callHook('onHandlerError', undefined, () => parts.onHandlerError(error, path));
    return { error: Object.assign(new Error(status.details), status) };
  }
}

/** Whether an error only says that the context has ended, as what the platform makes of its signal: nobody needs to be told. */
function isOfEnd(error: unknown, context: Context | undefined): boolean {
  if (context?.cancelled !== true) return false;
  try {
    return error instanceof Error && (error === context.cause || error.cause === context.cause || error.name === 'AbortError'); // prettier-ignore
  } catch {
    return false; // it is hostile
  }
}
