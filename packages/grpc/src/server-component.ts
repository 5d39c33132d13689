/**
 * Server component: a server of grpc-js as a part of a service, which stops without failing a call.
 *
 *   start: bound ─► drain: takes no new call, answers those that have come ── all answered, connections gone ─► drained
 *                            └─ grace before the end ─► contexts cancelled ─► time is over ─► forced shut ─────► drained
 *
 * Always
 *  - A call that came before the drain is answered, if its handler does so in time.
 *  - A drain ends with its context at the latest, and then no call is left.
 *  - Timers are set while it drains only, and keep the process alive.
 *
 * @module
 */

import type { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  CancelledError,
  type Clock,
  ConfigError,
  type Context,
  inRange,
  isName,
  requireContext,
  ResilienceError,
  nameErrorClass,
  withKnown,
} from '@holdfast/core';

import type { ServedCall } from './served-call.ts';

/** Options of a component. Omitted ones take {@link grpcComponentDefaults}. */
export interface GrpcComponentOptions {
  /** Name of the component. @defaultValue 'grpc' */
  readonly name?: string;
  /** Address to listen at: `0.0.0.0:50051`; with port 0 a free one, which `port` of the component tells. */
  readonly address: string;
  /** Of grpc-js: `ServerCredentials.createInsecure()`, or with certificates. */
  readonly credentials: ServerCredentials;
  /** Components that its calls use. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  /**
   * How long before the end of a drain the contexts of what still runs are cancelled, so that it can tidy up and answer; a fifth of the
   * time if that is less. Milliseconds, 0 to 60 000.
   * @defaultValue 1000
   */
  readonly graceMs?: number;
}

/** Every default of the options, in one place. */
export const grpcComponentDefaults: Required<Pick<GrpcComponentOptions, 'name' | 'graceMs'>> = Object.freeze({
  name: 'grpc',
  graceMs: 1000,
});

/** What a drain has done. */
export interface GrpcDrainReport {
  /** Whether nothing was abandoned. */
  readonly isComplete: boolean;
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** Calls that ended while it drained, by path; of those, the ones that did not end with OK. */
  readonly finished: readonly { readonly name: string; readonly count: number; readonly failedCount: number }[];
  /** Calls that were cut off, the oldest first. */
  readonly abandoned: readonly { readonly name: string; readonly ageMs: number; readonly place: undefined }[];
  readonly error: GrpcDrainIncompleteError | undefined;
}

/** A server as a component of a lifecycle. */
export interface GrpcComponent {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  /** The port that it listens at; 0 before it was started. */
  readonly port: number;
  /** Binds the server. Rejects with grpc-js' error, as for an address in use. */
  start(): Promise<void>;
  /**
   * Takes no new call, and waits for those under way until `context` ends; then it shuts the server by force. Called again it waits for
   * the same, and ends with the first of the contexts. Never rejects.
   */
  drain(context: Context): Promise<GrpcDrainReport>;
  /** Whether no call is under way. */
  isIdle(): boolean;
  /** Shuts the server by force. */
  close(): void;
}

/** A drain is over, and calls were cut off. */
export class GrpcDrainIncompleteError extends ResilienceError {
  readonly code = 'GRPC_DRAIN_INCOMPLETE';

  constructor(policy: string, abandoned: GrpcDrainReport['abandoned'], cause: unknown) {
    super(`${policy} is drained and cut off ${abandoned.length} calls: ${abandoned.map(({ name }) => name).slice(0, 10).join(', ')}`, { policy, cause }); // prettier-ignore
  }
}

/** The calls that a component drains. */
export interface DrainedCalls {
  isDraining: boolean;
  readonly open: ReadonlySet<ServedCall>;
  readonly overListeners: Set<(call: ServedCall) => void>;
}

/** Makes the component. */
export function grpcComponent(
  server: Server,
  options: GrpcComponentOptions,
  parts: { readonly calls: DrainedCalls; readonly clock: Clock },
): GrpcComponent {
  const settings = withKnown('grpcComponent', grpcComponentDefaults, options, ['address', 'credentials', 'dependsOn']);
  if (typeof server?.bindAsync !== 'function')
    throw new ConfigError('grpcComponent.server', 'a Server of grpc-js', server);
  isName('grpcComponent.name', settings.name);
  isName('grpcComponent.address', settings.address);
  inRange('grpcComponent.graceMs', settings.graceMs, [0, 60_000]);
  if (typeof settings.credentials !== 'object' || settings.credentials === null)
    throw new ConfigError('grpcComponent.credentials', 'ServerCredentials of grpc-js', settings.credentials);
  let port = 0;
  let draining: Draining | undefined;
  const component: Omit<GrpcComponent, 'port'> = {
    name: settings.name,
    dependsOn: settings.dependsOn,
    async start() {
      port = await bind(server, settings);
    },
    async drain(context) {
      requireContext('drain', context);
      draining ??= new Draining(server, settings, parts);
      return draining.until(context);
    },
    isIdle: () => parts.calls.open.size === 0,
    close: () => server.forceShutdown(),
  };
  // a lifecycle takes nothing that it does not know, so it is not shown to it
  return Object.defineProperty(component, 'port', { get: () => port }) as GrpcComponent;
}

// --- internal ---

nameErrorClass(GrpcDrainIncompleteError, 'GrpcDrainIncompleteError');

function bind(server: Server, { address, credentials }: GrpcComponentOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

/** How a drain has ended: the server shut by itself, or what ended first. */
interface DrainEnd {
  readonly isShut: boolean;
  readonly cause: unknown;
}

class Draining {
  readonly #server: Server;
  readonly #settings: GrpcComponentOptions & typeof grpcComponentDefaults;
  readonly #calls: DrainedCalls;
  readonly #clock: Clock;
  readonly #finished = new Map<string, { count: number; failedCount: number }>();
  readonly #undo: (() => unknown)[] = [];
  #report: Promise<GrpcDrainReport> | undefined = undefined;
  #end: ((end: DrainEnd) => void) | undefined = undefined;
  #isOver = false;

  constructor(
    server: Server,
    settings: GrpcComponentOptions & typeof grpcComponentDefaults,
    { calls, clock }: { readonly calls: DrainedCalls; readonly clock: Clock },
  ) {
    this.#server = server;
    this.#settings = settings;
    this.#calls = calls;
    this.#clock = clock;
  }

  /** Begins it, where that was not done, and ends it with `context` at the latest. */
  until(context: Context): Promise<GrpcDrainReport> {
    this.#report ??= this.#run();
    if (!this.#isOver) this.#limit(context);
    return this.#report;
  }

  // --- internal ---

  async #run(): Promise<GrpcDrainReport> {
    const begunAt = this.#clock.now();
    this.#calls.isDraining = true;
    const onOver = (call: ServedCall): void => this.#note(call);
    this.#calls.overListeners.add(onOver);
    const end = await this.#shut();
    this.#calls.overListeners.delete(onOver);
    const now = this.#clock.now();
    const abandoned = [...this.#calls.open].map(({ name, begunAt: since }) => ({
      name,
      ageMs: now - since,
      place: undefined,
    }));
    if (!end.isShut) {
      this.#cancelRest();
      this.#server.forceShutdown();
    }
    const { name } = this.#settings;
    const error = abandoned.length === 0 ? undefined : new GrpcDrainIncompleteError(name, abandoned, end.cause);
    const finished = [...this.#finished].map(([path, counts]) => ({ name: path, ...counts }));
    return { isComplete: abandoned.length === 0, durationMs: now - begunAt, finished, abandoned, error };
  }

  /** Waits until the server has no connection any more, or the first of the contexts has ended. */
  async #shut(): Promise<DrainEnd> {
    const end = await new Promise<DrainEnd>((resolve) => {
      this.#end = resolve;
      this.#server.tryShutdown(() => resolve({ isShut: true, cause: undefined }));
    });
    this.#isOver = true;
    for (const undo of this.#undo) undo();
    return end;
  }

  #limit(context: Context): void {
    const giveUp = (): void => this.#end?.({ isShut: false, cause: context.cause });
    this.#undo.push(context.onCancel(giveUp));
    const remainingMs = context.remainingMs();
    if (remainingMs === Infinity) return;
    const graceMs = Math.min(this.#settings.graceMs, remainingMs / 5);
    this.#setTimer(() => this.#cancelRest(), remainingMs - graceMs);
    this.#setTimer(giveUp, remainingMs);
  }

  #setTimer(callback: () => void, delayMs: number): void {
    const timer = this.#clock.setTimer(callback, delayMs);
    this.#undo.push(() => timer.cancel());
  }

  #cancelRest(): void {
    for (const call of this.#calls.open)
      call.cancel(new CancelledError(`${this.#settings.name} is being drained`, { policy: this.#settings.name }));
  }

  #note(call: ServedCall): void {
    const counts = this.#finished.get(call.name) ?? { count: 0, failedCount: 0 };
    counts.count++;
    if (call.sentCode !== 0) counts.failedCount++;
    this.#finished.set(call.name, counts);
  }
}
