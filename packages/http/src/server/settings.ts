/**
 * Settings of request contexts: the options, their defaults, and their check.
 *
 * @module
 */

import type { ContextCodec } from '@holdfast/context';
import {
  Context,
  type Clock,
  ConfigError,
  defaultTimeoutOf,
  inRange,
  isFunction,
  isName,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { createHttpCodec } from '../codec.ts';
import type { ProblemsOf } from '../problem-answer.ts';
import { checkStatuses } from '../problem.ts';
import type { IncomingRequest } from './http-message.ts';
import type { RequestEnding } from './request-ending.ts';

/** Options of {@link createRequestContexts}. Omitted ones take {@link requestContextsDefaults}. */
export interface RequestContextsOptions {
  /** Names it in errors and hooks. @defaultValue 'http' */
  readonly name?: string;
  /**
   * Time for a request that brings no deadline, or a function of the request. Event streams and upgrades have none by default.
   * Milliseconds, 1 to `maxTimeoutMs`; Infinity gives it no deadline. Left out, it is lowered to `maxTimeoutMs`; a function that
   * returns more is reported, and the request has `maxTimeoutMs`. @defaultValue 30_000
   */
  readonly defaultTimeoutMs?: number | ((request: IncomingRequest) => number);
  /**
   * Whether a request begins something that lasts, and so has no deadline unless it brings one. By default web sockets and what accepts
   * `text/event-stream` alone or first: that is for callers to say, so name your routes where callers are strangers.
   */
  readonly isStream?: (request: IncomingRequest) => boolean;
  /** The longest time that a request can have: what it asks for, and the default. Milliseconds, 1 to Infinity. @defaultValue 60_000 */
  readonly maxTimeoutMs?: number;
  /**
   * Time for a handler to answer by itself after its context has ended; then it is answered for it, if it has sent nothing, and what
   * it still does with the response is dropped. Milliseconds, 0 to Infinity; Infinity leaves the answer to the handler.
   * @defaultValue 100
   */
  readonly answerGraceMs?: number;
  /**
   * How long before the end of a drain the requests that still run are cancelled, so that they can be answered; a fifth of the time,
   * if that is less. Milliseconds, 0 to 600 000. @defaultValue 1000
   */
  readonly drainGraceMs?: number;
  /** `Retry-After` of refusals that do not know better. Milliseconds, 0 to 86 400 000. @defaultValue 1000 */
  readonly retryAfterMs?: number;
  /** Statuses other than those of the table, by code of the problem: `{ RATE_LIMITED: 429 }`. 400 to 599. @defaultValue {} */
  readonly statuses?: Readonly<Record<string, number>>;
  /**
   * Says what errors of your own are answered with; undefined leaves an error to the table of problems, or to your framework. It is asked
   * of no error that comes of the end of a request or a server, and maybe more than once of another. `upstreamProblem` is one.
   * A throw, or what is no answer, is reported and says nothing.
   */
  readonly problems?: ProblemsOf;
  /** Whether handlers run with the context as the ambient one, where the framework has them called from here. @defaultValue false */
  readonly ambient?: boolean;
  /** What is believed of headers. By default the deadline, the trace and the request id. */
  readonly codec?: ContextCodec;
  /** The context below which all requests are: when it ends, so do they. By default one that never ends. */
  readonly parent?: Context;
  /** Where the `Degraded` header comes from: see {@link DegradedSource}. By default there is none. */
  readonly degraded?: DegradedSource;
  /**
   * Called with the context of every request, before its handler: returns the one that the handler gets, with values added, or a
   * promise of it. A throw, or what does not derive from the context, is reported, and the handler gets the context as it was.
   */
  readonly enrich?: (context: Context, request: IncomingRequest) => Context | PromiseLike<Context>;
  /** Called once when a request is over, however that came. A throw is reported and changes nothing. */
  readonly onEnded?: (ending: RequestEnding, request: IncomingRequest) => unknown;
  /** Source of time. */
  readonly clock?: Clock;
}

/** Every default of {@link createRequestContexts}, in one place. */
export const requestContextsDefaults: Required<
  Omit<RequestContextsOptions, 'codec' | 'parent' | 'degraded' | 'enrich' | 'onEnded' | 'isStream' | 'problems'>
> = Object.freeze({
  name: 'http',
  defaultTimeoutMs: 30_000,
  maxTimeoutMs: 60_000,
  answerGraceMs: 100,
  drainGraceMs: 1000,
  retryAfterMs: 1000,
  statuses: {},
  ambient: false,
  clock: systemClock,
});

/**
 * What tells of lesser answers: of `@holdfast/degradation`,
 * `{ collect: withNotices, headerOf: (context) => degradedHeader(publicNotices(noticesOf(context), features)) }`.
 */
export interface DegradedSource {
  /** Derives the context under which notices are collected. */
  collect(context: Context): Context;
  /** Returns the value of the header; undefined where there is nothing to tell. */
  headerOf(context: Context): string | undefined;
}

/** Options that are complete and valid. */
export interface RequestSettings extends Required<
  Omit<RequestContextsOptions, 'degraded' | 'enrich' | 'onEnded' | 'isStream' | 'problems'>
> {
  readonly degraded: DegradedSource | undefined;
  readonly enrich: RequestContextsOptions['enrich'] | undefined;
  readonly onEnded: RequestContextsOptions['onEnded'] | undefined;
  readonly isStream: RequestContextsOptions['isStream'] | undefined;
  readonly problems: ProblemsOf | undefined;
}

/** Checks and completes options. */
export function resolveRequestOptions(options: RequestContextsOptions): RequestSettings {
  const optional = ['codec', 'parent', 'degraded', 'enrich', 'onEnded', 'isStream', 'problems'];
  const resolved = withKnown('requests', requestContextsDefaults, options, optional);
  const defaultTimeoutMs = checkedTimes(options, resolved);
  isName('requests.name', resolved.name);
  checkStatuses('requests.statuses', resolved.statuses);
  if (typeof resolved.ambient !== 'boolean')
    throw new ConfigError('requests.ambient', 'true or false', resolved.ambient);
  const codec = resolved.codec ?? createHttpCodec();
  isFunction('requests.codec.extract', (codec as { readonly extract: unknown }).extract);
  const parent = resolved.parent ?? rootOn(resolved.clock);
  requireContext('requests.parent', parent);
  checkHooks(resolved);
  const { degraded, enrich, onEnded, isStream, problems } = resolved;
  const statuses = { ...resolved.statuses };
  return { ...resolved, defaultTimeoutMs, codec, parent, degraded, enrich, onEnded, isStream, problems, statuses };
}

// --- internal ---

type Times = Pick<RequestSettings, 'defaultTimeoutMs' | 'maxTimeoutMs' | 'answerGraceMs' | 'drainGraceMs' | 'retryAfterMs'>; // prettier-ignore

/** Checks times, and returns the default. */
function checkedTimes(options: RequestContextsOptions, resolved: Times): RequestSettings['defaultTimeoutMs'] {
  const { defaultTimeoutMs, maxTimeoutMs } = resolved;
  inRange('requests.maxTimeoutMs', maxTimeoutMs, [1, Infinity]);
  inRange('requests.answerGraceMs', resolved.answerGraceMs, [0, Infinity]);
  inRange('requests.drainGraceMs', resolved.drainGraceMs, [0, 600_000]);
  inRange('requests.retryAfterMs', resolved.retryAfterMs, [0, 86_400_000]);
  if (typeof defaultTimeoutMs === 'function') return defaultTimeoutMs;
  inRange('requests.defaultTimeoutMs', defaultTimeoutMs, [1, Infinity]);
  return defaultTimeoutOf('requests', options, { defaultTimeoutMs, maxTimeoutMs });
}

function checkHooks({ degraded, enrich, onEnded, isStream, problems }: RequestContextsOptions): void {
  if (enrich !== undefined) isFunction('requests.enrich', enrich);
  if (onEnded !== undefined) isFunction('requests.onEnded', onEnded);
  if (isStream !== undefined) isFunction('requests.isStream', isStream);
  if (problems !== undefined) isFunction('requests.problems', problems);
  if (degraded === undefined) return;
  const parts: Partial<Record<keyof DegradedSource, unknown>> = degraded ?? {};
  isFunction('requests.degraded.collect', parts.collect);
  isFunction('requests.degraded.headerOf', parts.headerOf);
}

function rootOn(clock: Clock): Context {
  return clock === systemClock ? Context.background : Context.withClock(clock);
}
