/**
 * Serving: gives every call of a server of grpc-js a context, its handlers promises, and the server a way to stop.
 *
 *   client ── grpc-timeout, metadata ─► interceptor ─► context ─► handler(context, request)
 *                                          │              ▲          └─ error ─► status, pushback
 *                                          │              └─ cancelled by: deadline, client, drain
 *                                          └─ refused: draining, or no time left
 *
 * Always
 *  - A call's deadline is never later than its client said, nor than `maxTimeoutMs`.
 *  - A call that comes while the server drains, or too late, is refused before its handler runs.
 *
 * @module
 */

import type { Metadata, Server, ServerInterceptor } from '@grpc/grpc-js';
import { type ContextCodec, contextCodecDefaults, createContextCodec, type WallClock } from '@holdfast/context';
import {
  type Clock,
  type CancellableContext,
  Context,
  createInFlight,
  defaultTimeoutOf,
  type InFlight,
  inRange,
  isFunction,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { noteContext } from './call-context.ts';
import { checkPolicyChoice, type PolicyChoice } from './call-policy.ts';
import type { GrpcErrorsOf } from './chosen-error.ts';
import { keepMetadata, type MetadataNames, metadataNamesOf } from './call-metadata.ts';
import type { FinalStatus } from './error-status.ts';
import type { GrpcMethod } from './grpc-call.ts';
import { defuseOverflow, incomingLeftMs } from './incoming-deadline.ts';
import { requireCodec } from './outgoing.ts';
import { drainingStatus, expiredStatus, ServedCall, type ServedCallPorts } from './served-call.ts';
import {
  type ComponentCalls,
  type GrpcComponent,
  type GrpcComponentOptions,
  grpcComponent,
  grpcComponentDefaults,
} from './server-component.ts';
import { type GrpcHandlers, makeHandlers } from './handlers.ts';

/** Options of {@link createGrpcServing}. Omitted ones take {@link grpcServingDefaults}. */
export interface GrpcServingOptions {
  /**
   * Time for a unary call whose client gives none. Streams whose client gives none have none, but for `maxTimeoutMs`. Milliseconds,
   * 1 to `maxTimeoutMs`; Infinity gives it no deadline. Left out, it is lowered to `maxTimeoutMs`.
   * @defaultValue 30_000
   */
  readonly defaultTimeoutMs?: number;
  /** Time that no call exceeds, whatever its client says; streams, too. Milliseconds, 1 to Infinity. @defaultValue Infinity */
  readonly maxTimeoutMs?: number;
  /** Reads the trace, the criticality and declared values; made by `createContextCodec`. By default the trace and the id of requests. */
  readonly codec?: ContextCodec;
  /**
   * Names of metadata that stay with the context, to be read by `grpcMetadataOf` and to go on with calls whose client's `send` names
   * them. `all` does not name `authorization`, cookies and `grpc-...`: name them.
   * @defaultValue []
   */
  readonly accept?: MetadataNames;
  /**
   * The policies of the handlers made here, or a function that chooses them, asked once per handler with the path of its method
   * when it is first called: a bulkhead, a limiter, a timeout. By default none.
   */
  readonly policy?: PolicyChoice<Pick<GrpcMethod, 'path' | 'kind'>>;
  /**
   * Says what a handler made here ends with that threw an error of yours, as one of a database that is away; undefined leaves the error
   * to the table of statuses. It is asked of every error, what policies refuse included, unless the call has ended already. A throw, or
   * what is no answer, is reported and says nothing. By default there is none.
   */
  readonly errors?: GrpcErrorsOf;
  /**
   * Told of what a handler made here threw and the caller is told nothing of: what says no status itself, and what a service that it
   * called has answered. By default `console.error`.
   */
  readonly onHandlerError?: (error: unknown, path: string) => unknown;
  /** The calendar by which grpc-js understands deadlines. */
  readonly wallClock?: WallClock;
  /** Source of time and waits. */
  readonly clock?: Clock;
}

/** Every default of {@link createGrpcServing}, in one place. */
export const grpcServingDefaults: Required<Omit<GrpcServingOptions, 'policy' | 'codec' | 'errors'>> = Object.freeze({
  defaultTimeoutMs: 30_000,
  maxTimeoutMs: Infinity,
  accept: Object.freeze([]),
  // oxlint-disable-next-line no-console -- the last resort: a failing handler must not be silent
  onHandlerError: (error: unknown, path: string) => console.error(`[holdfast] the handler of ${path} failed`, error),
  wallClock: contextCodecDefaults.wallClock,
  clock: systemClock,
});

/** Counts of a server's calls. */
export interface GrpcServingSnapshot {
  /** Calls that are under way now. */
  readonly open: number;
  /** Calls whose handler was called. */
  readonly admitted: number;
  /** Calls that ended with a status that was sent from here. */
  readonly answered: number;
  /** Calls that ended without: the client cancelled, or was gone, or grpc-js itself ended it. */
  readonly cancelled: number;
  /** Calls that were refused, by reason. */
  readonly refused: { readonly draining: number; readonly expired: number };
}

/** What serves calls. It may serve several servers, that are drained together. */
export interface GrpcServing extends GrpcHandlers {
  /** For `new Server({ interceptors: [serving.interceptor] })`. */
  readonly interceptor: ServerInterceptor;
  /**
   * Makes a component of a service's lifecycle of `server`, with `start`, `quiesce`, `drain` and `close`; each may be called by hand.
   *
   * @throws ConfigError when an option is not valid.
   */
  component(server: Server, options: GrpcComponentOptions): GrpcComponent;
  snapshot(): GrpcServingSnapshot;
}

/**
 * Creates what serves calls with contexts.
 *
 * @throws ConfigError when an option is not valid.
 *
 * @example
 * ```ts
 * const serving = createGrpcServing({ maxTimeoutMs: 10_000 });
 * const server = new Server({ interceptors: [serving.interceptor] });
 * server.addService(Shop.service, { getOrder: serving.handleUnary((context, request) => findOrder(context, request.id)) });
 * ```
 */
export function createGrpcServing(options: GrpcServingOptions = {}): GrpcServing {
  const settings = resolve(options);
  const calls = new ServedCalls(settings);
  const { policy, errors, onHandlerError } = settings;
  return Object.freeze({
    interceptor: ((method, next) => new ServedCall(method, next, calls).intercepting) satisfies ServerInterceptor,
    ...makeHandlers({ policy, errors, onHandlerError }),
    component: (server: Server, componentOptions: GrpcComponentOptions) =>
      grpcComponent(server, componentOptions, { calls, clock: settings.clock }),
    snapshot: () => calls.snapshot(),
  });
}

// --- internal ---

/** The calls of a server. */
class ServedCalls implements ServedCallPorts, ComponentCalls {
  readonly drainParts = { name: grpcComponentDefaults.name, graceMs: grpcComponentDefaults.graceMs };
  readonly callListeners: Set<() => void> = new Set();
  readonly inFlight: InFlight<ServedCall>;
  readonly #settings: ServingSettings;
  readonly #codec: ContextCodec;
  readonly #accept: ReadonlySet<string> | 'all';
  readonly #counts = { admitted: 0, answered: 0, cancelled: 0, draining: 0, expired: 0 };
  #open = 0;

  constructor(settings: ServingSettings) {
    this.#settings = settings;
    this.inFlight = createInFlight(Object.assign(this.drainParts, { clock: settings.clock }));
    this.#codec = settings.codec ?? createContextCodec();
    this.#accept = metadataNamesOf('grpcServing.accept', settings.accept);
  }

  admit(call: ServedCall, metadata: Metadata): CancellableContext | FinalStatus {
    const { clock, wallClock } = this.#settings;
    for (const listener of this.callListeners) listener();
    if (!this.inFlight.isOpen) {
      this.#counts.draining++;
      return drainingStatus();
    }
    const leftMs = this.#leftMs(call);
    if (leftMs <= 0) return this.#refuseExpired();
    defuseOverflow(call.next, wallClock());
    const base = keepMetadata(Context.withClock(clock).withTimeout(leftMs), metadata, this.#accept);
    const context = this.#codec.extract(metadata, base);
    if (context.cancelled) return this.#refuseExpired();
    noteContext(metadata, call.intercepting, context);
    this.#counts.admitted++;
    this.#open++;
    call.run = this.inFlight.begin(call.name, call);
    return context;
  }

  afterCancels(callback: () => void): void {
    const { clock } = this.#settings;
    let turns = TURNS_TO_CANCEL;
    const wait = (): void => {
      if (turns-- > 0 && clock.defer !== undefined) clock.defer(wait);
      else callback();
    };
    wait();
  }

  hasPassed(call: ServedCall): boolean {
    return incomingLeftMs(call.next, this.#settings.wallClock()) <= CANCELLED_BY_DEADLINE_MS;
  }

  onOver(call: ServedCall): void {
    if (call.run !== undefined) this.inFlight.end(call.run, call.sentCode !== 0);
    this.#open--;
    if (call.sentCode === undefined) this.#counts.cancelled++;
    else this.#counts.answered++;
  }

  snapshot(): GrpcServingSnapshot {
    const { admitted, answered, cancelled, draining, expired } = this.#counts;
    return { open: this.#open, admitted, answered, cancelled, refused: { draining, expired } };
  }

  // --- internal ---

  #leftMs(call: ServedCall): number {
    const { wallClock, defaultTimeoutMs, maxTimeoutMs } = this.#settings;
    const saidMs = incomingLeftMs(call.next, wallClock());
    const leftMs = saidMs === Infinity && call.isUnary ? defaultTimeoutMs : saidMs;
    const cappedMs = Math.min(leftMs, maxTimeoutMs);
    return cappedMs > LONGEST_MS ? Infinity : cappedMs;
  }

  #refuseExpired(): FinalStatus {
    this.#counts.expired++;
    return expiredStatus();
  }
}

/** Options that are complete and valid. */
type ServingSettings = typeof grpcServingDefaults & Pick<GrpcServingOptions, 'policy' | 'codec' | 'errors'>;

/** More than three years: no limit at all, and more than contexts take. */
const LONGEST_MS = 1e11;

/** Turns of the event loop between the end of a stream that was reset and the word that it was: node:http2 takes one or two. */
const TURNS_TO_CANCEL = 3;

/**
 * A cancel with no more time left than this is that of a client whose deadline has passed: its word is on its way for as long as the
 * deadline was.
 */
const CANCELLED_BY_DEADLINE_MS = 10;

function resolve(options: GrpcServingOptions): ServingSettings {
  const settings: ServingSettings = withKnown('grpcServing', grpcServingDefaults, options, [
    'codec',
    'policy',
    'errors',
  ]);
  inRange('grpcServing.defaultTimeoutMs', settings.defaultTimeoutMs, [1, Infinity]);
  inRange('grpcServing.maxTimeoutMs', settings.maxTimeoutMs, [1, Infinity]);
  const defaultTimeoutMs = defaultTimeoutOf('grpcServing', options, settings);
  if (settings.codec !== undefined) requireCodec('grpcServing.codec', settings.codec);
  if (settings.errors !== undefined) isFunction('grpcServing.errors', settings.errors);
  isFunction('grpcServing.onHandlerError', settings.onHandlerError);
  isFunction('grpcServing.wallClock', settings.wallClock);
  checkPolicyChoice('grpcServing.policy', settings.policy);
  return { ...settings, defaultTimeoutMs };
}
