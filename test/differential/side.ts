/**
 * Side: what the engine and the reference have in common, seen from outside. A case is played on either through this.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type {
  BreakerSpec,
  BulkheadSpec,
  CallerSpec,
  FallbackSpec,
  OurErrorKind,
  RetrySpec,
  TimeoutSpec,
} from './case.ts';

/** A context, as an operation sees it. */
export interface CallContext {
  readonly cancelled: boolean;
  readonly cause: unknown;
  readonly signal: AbortSignal;
  remainingMs(): number;
  onCancel(listener: (cause: unknown) => void): () => boolean;
  withTimeout(ms: number): CallContext;
}

/** What a policy runs. */
export type Work = (context: CallContext) => unknown;

/** Anything that can be put into a pipeline. */
export interface AnyPolicy {
  execute(work: Work, context?: CallContext): Promise<unknown>;
}

/** A policy of the side, with what it tells of itself. */
export interface OwnPolicy extends AnyPolicy {
  readonly name: string;
  /** Its statistics now, as data. */
  readonly statistics: () => unknown;
  /** Closes a circuit. */
  readonly reset?: () => void;
}

/** Functions that a policy is given, which must behave the same on both sides. */
export interface Hooks {
  readonly judge: (value: unknown, error: unknown, failed: boolean) => unknown;
  readonly accepts: (error: unknown) => boolean;
  readonly substitute: (error: unknown, context: CallContext) => unknown;
}

/** What a policy is made with, besides its settings. */
export interface Ports {
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly hooks: Hooks;
  /** What a fallback without a function gives. */
  readonly value: unknown;
}

/** Makes the parts of a case. */
export interface Side {
  fallback(spec: FallbackSpec, ports: Ports): OwnPolicy;
  retry(spec: RetrySpec, ports: Ports): OwnPolicy;
  circuitBreaker(spec: BreakerSpec, ports: Ports): OwnPolicy;
  bulkhead(spec: BulkheadSpec, ports: Ports): OwnPolicy;
  timeout(spec: TimeoutSpec, ports: Ports): OwnPolicy;
  pipeline(name: string, policies: readonly AnyPolicy[]): OwnPolicy;
  /** Makes the context of a caller; undefined where the caller passes none. */
  caller(spec: CallerSpec, clock: Clock, cause: unknown): Caller;
  /** Makes an error of the library, as if another policy had made it. */
  ourError(kind: OurErrorKind): unknown;
  /** Whether an error was made by the library. */
  isOurs(error: unknown): boolean;
}

/** A caller's context and how it gives up. */
export interface Caller {
  readonly context: CallContext | undefined;
  /** Ends the context with the cause that the caller was made with, or the library's own. */
  readonly cancel: () => void;
}

/** An event, with the fields that its kind has. */
interface ToldEvent {
  readonly type: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

/** What a side tells while a case is played. */
export interface Observer {
  readonly clock: Clock;
  /** Resolves once everything that can go on without time has done so. */
  readonly idle: () => Promise<void>;
  readonly onEvent: (event: ToldEvent) => void;
  readonly onHookError: (error: unknown, policy: string | undefined) => void;
  /** Counts that something worth testing happened; only the reference says so. */
  readonly note: (what: string) => void;
}
