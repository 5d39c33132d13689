/**
 * Request contexts: gives every request of a server its context, ends it when the request ends, and answers for what that broke.
 *
 *   head ── codec ──► deadline: what it asks for, `maxTimeoutMs` at most, or else `defaultTimeoutMs` ──► context ──► handler
 *
 * One object serves one service; each framework has a subpath that plugs it in. This file knows of no framework.
 *
 * Invariants
 *  (1) No header lengthens a deadline: it is never later than the parent's. None is later than `maxTimeoutMs` from now.
 *  (2) No header makes `begin` throw.
 *  (3) Event streams and upgrades do not end by the default deadline.
 *
 * @module
 */

import {
  askHook,
  type CancellableContext,
  type Context,
  type DrainReport,
  reportHookError,
  requireContext,
} from '@holdfast/core';

import { type HttpProblem, problemOf } from '../problem.ts';
import type { IncomingRequest, OutgoingResponse } from './http-message.ts';
import { OneRequest } from './one-request.ts';
import type { RequestOutcome } from './request-ending.ts';
import type { AnswerProblem, RequestLife } from './request-life.ts';
import { requestMark } from './request-store.ts';
import { type RequestCounts, Running } from './running.ts';
import {
  type RequestContextsOptions,
  type RequestSettings,
  requestContextsDefaults,
  resolveRequestOptions,
} from './settings.ts';
import { SocketResponse, type UpgradeSocket } from './socket-response.ts';

/** Gives requests their contexts. */
export interface RequestContexts {
  readonly name: string;
  /** Whether handlers run with their context as the ambient one. */
  readonly isAmbient: boolean;
  /**
   * Begins a request: makes its context, which `contextOf(request)` returns from now on, and watches `response`. For frameworks that
   * have no subpath here. `answer` answers a problem in the framework's own way,
   * or returns false where it does not.
   */
  begin(request: IncomingRequest, response: OutgoingResponse, answer?: AnswerProblem): RequestLife;
  /** Begins an upgrade, whose context ends when `socket` closes, or the server does. It has a deadline only if it brings one. */
  beginUpgrade(request: IncomingRequest, socket: UpgradeSocket): RequestLife;
  /** Returns what `error` is answered with; undefined where it is none of ours. */
  problemOf(error: unknown, context?: Context): HttpProblem | undefined;
  /** Goes on serving, and has answers tell clients to close their connections. Call it when stopping begins. */
  quiesce(): void;
  /**
   * Refuses new requests with 503 and waits for those under way, until `context` ends. Shortly before its deadline, what still runs is
   * cancelled with a `ServerClosingError`. Called again it waits for the same, and ends with the first of the contexts. Never rejects
   * for what requests do; the report calls them by their methods.
   *
   * @throws TypeError when `context` is no context.
   */
  drain(context: Context): Promise<DrainReport>;
  /**
   * Returns `component` with its stop made ours as well: for `serverComponent` of `@holdfast/service`, or what you have of its shape.
   *
   * @example
   * ```ts
   * life.add(requests.withDrain(serverComponent(server, { port: 8080 })));
   * ```
   */
  withDrain<C extends StoppingComponent>(component: C): C;
  /** What became of requests so far. */
  counts(): RequestCounts;
}

/** A part of a service that is told of its stop, as `@holdfast/service` has it. */
export interface StoppingComponent {
  readonly name: string;
  readonly dependsOn?: readonly string[] | undefined;
  start?(context: Context): unknown;
  close?(context: Context): unknown;
  quiesce?(): unknown;
  drain?(context: Context): unknown;
  isIdle?(): boolean;
}

/**
 * Creates what gives requests their contexts. It keeps nothing of a request that is over.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const requests = createRequestContexts({ defaultTimeoutMs: 5000 });
 * const server = createServer(handleRequests(requests, async (context, request, response) => {
 *   response.end(JSON.stringify(await loadShelf(context)));
 * }));
 * ```
 */
export function createRequestContexts(options: RequestContextsOptions = {}): RequestContexts {
  return new Border(resolveRequestOptions(options));
}

/**
 * Checks what was handed to the plug-in of a framework.
 *
 * @throws TypeError when it is not what {@link createRequestContexts} has made, or of its shape.
 */
export function requireRequests(place: string, requests: unknown): asserts requests is RequestContexts {
  const { begin } = (requests ?? {}) as { readonly begin?: unknown };
  if (typeof begin !== 'function')
    throw new TypeError(`${place} needs what createRequestContexts() has made, got ${typeof requests}`);
}

// --- internal ---

class Border implements RequestContexts {
  readonly name: string;
  readonly isAmbient: boolean;
  readonly #settings: RequestSettings;
  readonly #running: Running;
  readonly #isQuiet = (): boolean => this.#running.isQuiet;

  constructor(settings: RequestSettings) {
    this.name = settings.name;
    this.isAmbient = settings.ambient;
    this.#settings = settings;
    const { name, clock, drainGraceMs } = settings;
    this.#running = new Running({ name, clock, graceMs: drainGraceMs });
  }

  begin(request: IncomingRequest, response: OutgoingResponse, answer?: AnswerProblem): RequestLife {
    return this.#begin(request, response, { isStream: this.#isStream(request), answer });
  }

  beginUpgrade(request: IncomingRequest, socket: UpgradeSocket): RequestLife {
    const response = new SocketResponse(socket);
    const life = this.#begin(request, response, { isStream: true, answer: (problem) => response.refuse(problem) });
    if (life.refusal === undefined) response.handOver();
    return life;
  }

  problemOf(error: unknown, context?: Context): HttpProblem | undefined {
    return problemOf(error, context, this.#settings);
  }

  quiesce(): void {
    this.#running.quiesce();
  }

  async drain(context: Context): Promise<DrainReport> {
    requireContext('drain', context);
    return this.#running.drain(context);
  }

  withDrain<C extends StoppingComponent>(component: C): C {
    if (typeof component?.name !== 'string')
      throw new TypeError('withDrain needs a component, as serverComponent(server, { port }) of @holdfast/service');
    const quiesce = (): unknown => {
      this.quiesce();
      return component.quiesce?.();
    };
    const drain = async (context: Context): Promise<unknown> => {
      const drained = this.drain(context);
      try {
        const own = await component.drain?.(context);
        return own ?? (await drained);
      } finally {
        await drained;
      }
    };
    const bound = {
      name: component.name,
      dependsOn: component.dependsOn,
      ...(component.start !== undefined && { start: (context: Context) => component.start?.(context) }),
      ...(component.close !== undefined && { close: (context: Context) => component.close?.(context) }),
    };
    const isIdle = (): boolean =>
      this.#running.counts().running === 0 && (component.drain === undefined || component.isIdle?.() === true);
    return { ...component, ...bound, quiesce, drain, isIdle };
  }

  counts(): RequestCounts {
    return this.#running.counts();
  }

  // --- internal ---

  #begin(request: IncomingRequest, response: OutgoingResponse, { isStream, answer }: Beginning): RequestLife {
    let over: ((outcome: RequestOutcome) => void) | undefined;
    const life = new OneRequest(
      this.#contextFor(request, isStream),
      { request, response },
      {
        settings: this.#settings,
        isDraining: this.#running.isDraining,
        isQuiet: this.#isQuiet,
        onOver: (outcome) => over?.(outcome),
        answer,
      },
    );
    over = this.#running.add(life, request);
    response.on('close', () => life.settle());
    return life;
  }

  #isStream(request: IncomingRequest): boolean {
    const { isStream, name } = this.#settings;
    if (isStream === undefined) return isLongLived(request);
    return askHook(
      'isStream',
      name,
      () => isStream(request),
      () => false,
    );
  }

  #contextFor(request: IncomingRequest, isStream: boolean): CancellableContext {
    const { parent, maxTimeoutMs } = this.#settings;
    const received = this.#receive(request);
    const asks = received.deadline < parent.deadline;
    const limitMs = isStream ? Infinity : asks ? maxTimeoutMs : this.#defaultMs(request);
    return this.#collecting(received).withValue(requestMark, {}).withTimeout(limitMs); // (1), (3)
  }

  #receive({ headers }: IncomingRequest): Context {
    const { codec, parent, name } = this.#settings;
    try {
      const received = codec.extract(headers, parent);
      requireContext('codec.extract', received);
      return received;
    } catch (error) {
      reportHookError('codec', error, name); // (2)
      return parent;
    }
  }

  #collecting(context: Context): Context {
    const { degraded, name } = this.#settings;
    if (degraded === undefined) return context;
    try {
      const collecting = degraded.collect(context);
      requireContext('degraded.collect', collecting);
      return collecting;
    } catch (error) {
      reportHookError('degraded', error, name);
      return context;
    }
  }

  #defaultMs(request: IncomingRequest): number {
    const { defaultTimeoutMs, maxTimeoutMs, name } = this.#settings;
    if (typeof defaultTimeoutMs === 'number') return defaultTimeoutMs;
    let ms: unknown = undefined;
    const isTime = askHook(
      'defaultTimeoutMs',
      name,
      () => isLimit((ms = defaultTimeoutMs(request)), maxTimeoutMs),
      () => false,
    );
    if (isTime) return ms as number;
    return Math.min((ms as number) > maxTimeoutMs ? Infinity : DEFAULT_TIMEOUT_MS, maxTimeoutMs);
  }
}

interface Beginning {
  readonly isStream: boolean;
  readonly answer: AnswerProblem | undefined;
}

/** For where a function gives none. */
const DEFAULT_TIMEOUT_MS = requestContextsDefaults.defaultTimeoutMs as number;

function isLimit(ms: unknown, maxTimeoutMs: number): boolean {
  if (typeof ms === 'number' && ms >= 1 && ms <= maxTimeoutMs) return true;
  throw new TypeError(`defaultTimeoutMs must return 1 millisecond to maxTimeoutMs, ${maxTimeoutMs}, got ${String(ms)}`);
}

/** Whether a request begins what may last: a web socket or another upgrade, or an event stream. */
function isLongLived({ headers }: IncomingRequest): boolean {
  if (/^websocket$/i.test(headers.upgrade ?? '') && /\bupgrade\b/i.test(headers.connection ?? '')) return true;
  return typeof headers.accept === 'string' && /^\s*text\/event-stream\b/i.test(headers.accept);
}
