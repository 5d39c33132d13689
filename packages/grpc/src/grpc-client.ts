/**
 * gRPC client: the methods of any client of grpc-js as functions whose first argument is the context, under policies.
 *
 * ```
 *   shop.getOrder(context, request) ─► policies ─► attempt ─► client.getOrder(request, metadata, { deadline })
 *                                         ▲            └─ context ends ─► call.cancel()
 *                                         └── typed error ◄── status
 * ```
 *
 * @module
 */

import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
} from '@grpc/grpc-js';
import { ConfigError, type Context, requireContext, withKnown } from '@holdfast/core';

import { chosenPolicy, type PolicyChoice } from './call-policy.ts';
import { type ClientCall, ClientMethod } from './client-method.ts';
import type { GrpcCallOptions, GrpcMethod, GrpcSource } from './grpc-call.ts';
import { Outgoing, type OutgoingOptions, outgoingDefaults } from './outgoing.ts';

/** Options of {@link createGrpcClient}. */
export interface GrpcClientOptions extends OutgoingOptions {
  /**
   * The policies of the calls, or a function that chooses them, asked once per method when the client is wrapped. Retry and hedge
   * only what may be done twice. Around a stream they are until its first message comes; what was written is not written again.
   * By default none.
   */
  readonly policy?: PolicyChoice<GrpcMethod>;
}

/** The function that a method of a generated client becomes. */
export type GrpcFunction<Method> = Method extends (...args: infer Arguments) => infer Call
  ? Call extends ClientDuplexStream<infer Request, infer Response>
    ? (context: Context, source: GrpcSource<Request>, options?: GrpcCallOptions) => AsyncIterableIterator<Response>
    : Call extends ClientWritableStream<infer Request>
      ? (context: Context, source: GrpcSource<Request>, options?: GrpcCallOptions) => Promise<GrpcResponse<Arguments>>
      : Call extends ClientReadableStream<infer Response>
        ? (context: Context, request: Arguments[0], options?: GrpcCallOptions) => AsyncIterableIterator<Response>
        : Call extends ClientUnaryCall
          ? (context: Context, request: Arguments[0], options?: GrpcCallOptions) => Promise<GrpcResponse<Arguments>>
          : never
  : never;

/** A method of a client of grpc-js. */
// oxlint-disable-next-line typescript/no-explicit-any -- any method of any client
export type GrpcClientMethod = (...args: any[]) => ClientUnaryCall;

/** The response of a method with these arguments: the last of any of its overloads is the callback. */
// oxlint-disable-next-line typescript/no-explicit-any -- errors differ from generator to generator
export type GrpcResponse<Arguments> = Arguments extends [...any[], (error: any, response: infer Response) => void]
  ? NonNullable<Response>
  : never;

/** The methods of a client, as functions. A client of `loadPackageDefinition` without generated types has untyped ones. */
export type GrpcFunctions<C extends Client> = string extends keyof C
  ? // oxlint-disable-next-line typescript/no-explicit-any -- there is nothing to infer from
    Readonly<Record<string, (context: Context, request: any, options?: GrpcCallOptions) => any>>
  : {
      readonly [
        M in keyof C as M extends keyof Client ? never : C[M] extends GrpcClientMethod ? M : never
      ]: GrpcFunction<C[M]>;
    };

/**
 * Wraps a client, generated or of proto-loader: its methods become functions whose first argument is the context. The client stays
 * yours: its own methods go on as they are, and you close it.
 *
 * Unary methods and those that stream requests promise the response; those that stream responses return an async iterable, which
 * begins the call when it is first read, and cancels it when it is left.
 *
 * @throws ConfigError when `client` has no methods, or an option is not valid.
 * @throws the context's cause from a call, when the context ends first.
 * @throws GrpcStatusError from a call, for a status that is not OK; DeadlineExceededError for DEADLINE_EXCEEDED.
 *
 * @example
 * ```ts
 * const shop = createGrpcClient(client, { policy: pipeline(retry({ isRetryable: isRetryableGrpc }), timeout(500)) });
 * const order = await shop.getOrder(context, { id: '7' });
 * ```
 */
export function createGrpcClient<C extends Client>(client: C, options: GrpcClientOptions = {}): GrpcFunctions<C> {
  const settings = withKnown('grpcClient', outgoingDefaults, options, ['codec', 'policy']);
  const outgoing = new Outgoing('grpcClient', settings);
  const functions: Record<string, unknown> = {};
  for (const name of methodNames(client)) {
    const method = (client as unknown as Record<string, DescribedMethod>)[name] as DescribedMethod;
    const described: GrpcMethod = Object.freeze({ name, path: method.path, kind: kindOf(method) });
    const call: ClientCall = (...args: never[]) => Reflect.apply(method, client, args);
    const parts = { outgoing, policy: chosenPolicy('grpcClient.policy', settings.policy, described) };
    functions[name] = functionOf(described, new ClientMethod(described, call, parts));
  }
  if (Object.keys(functions).length === 0)
    throw new ConfigError('grpcClient.client', 'a client of grpc-js with methods', client);
  return Object.freeze(functions) as GrpcFunctions<C>;
}

// --- internal ---

/** What grpc-js notes at the methods of its clients. */
interface DescribedMethod {
  (...args: never[]): unknown;
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

function methodNames(client: unknown): readonly string[] {
  if (typeof client !== 'object' || client === null) return [];
  const names: string[] = [];
  for (const name in client) if (isDescribed((client as Record<string, unknown>)[name])) names.push(name);
  return names;
}

function isDescribed(method: unknown): method is DescribedMethod {
  const { path, requestStream, responseStream } = (method ?? {}) as Partial<DescribedMethod>;
  const isFunction = typeof method === 'function' && typeof path === 'string';
  return isFunction && typeof requestStream === 'boolean' && typeof responseStream === 'boolean';
}

function kindOf({ requestStream, responseStream }: DescribedMethod): GrpcMethod['kind'] {
  if (requestStream) return responseStream ? 'bidi' : 'client-stream';
  return responseStream ? 'server-stream' : 'unary';
}

function functionOf(described: GrpcMethod, method: ClientMethod): unknown {
  const run = (context: Context, request: unknown, options: GrpcCallOptions = {}): unknown => {
    requireContext(described.name, context);
    if ('parent' in (options.options ?? {}))
      throw new TypeError(`${described.name} takes no parent call; pass its context`);
    return method.run(context, request, options);
  };
  const isPromised = described.kind === 'unary' || described.kind === 'client-stream';
  return isPromised ? async (...args: Parameters<typeof run>) => run(...args) : run;
}
