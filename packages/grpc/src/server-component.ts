/**
 * Server component: a server of grpc-js as a part of a service, which stops without failing a call.
 *
 *   start: bound ─► quiesce: serves, and sends connections away ─► drain: takes no new call, answers those that have come ─┐
 *                                                                  └─ grace before the end ─► contexts cancelled ──┤
 *                         shut by force ◄── connections are gone, or a second later, or time is over ◄── drained ◄───┘
 *
 * Always
 *  - A call that came before the drain is answered, if its handler does so in time; what comes later is refused, and no handler runs.
 *  - A connection that is sent away keeps the calls that it has begun. It is sent away by word, never by force, before the drain is over.
 *  - A drain ends with its context at the latest, and then no call is left.
 *
 * @module
 */

import { promisify } from 'node:util';

import type { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type Clock,
  ConfigError,
  type Context,
  type DrainReport,
  type InFlight,
  type Timer,
  callHook,
  inRange,
  isName,
  requireContext,
  withKnown,
  within,
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

/** A server as a component of a lifecycle. */
export interface GrpcComponent {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  /** The port that it listens at; 0 before it was started. */
  readonly port: number;
  /**
   * Binds the server. Rejects with grpc-js' error, as for an address in use; with a `ConfigError` when it is called a second time, or
   * once a drain has begun.
   */
  start(): Promise<void>;
  /**
   * Goes on serving, and tells clients to take their next calls elsewhere; those that come back all the same are told again, once a
   * second. What is under way goes on. With a grpc-js that cannot, and before a start, it does nothing.
   */
  quiesce(): void;
  /**
   * Takes no new call, and waits for those under way until `context` ends; then it shuts the server by force. Called again it waits for
   * the same, and ends with the first of the contexts. Never rejects.
   */
  drain(context: Context): Promise<DrainReport>;
  /** Whether no call is under way. */
  isIdle(): boolean;
  /** Shuts the server by force. */
  close(): void;
}

/** The calls that a component drains. */
export interface ComponentCalls {
  readonly inFlight: InFlight<ServedCall>;
  /** How they are drained: as the component says that was made last, where one serving has several. */
  readonly drainParts: { name: string; graceMs: number };
  /** Told of every call that comes, before it is admitted or refused. */
  readonly callListeners: Set<() => void>;
}

/** Makes the component. */
export function grpcComponent(
  server: Server,
  options: GrpcComponentOptions,
  { calls, clock }: { readonly calls: ComponentCalls; readonly clock: Clock },
): GrpcComponent {
  const settings = resolve(server, options);
  const { name, dependsOn, graceMs } = settings;
  Object.assign(calls.drainParts, { name, graceMs });
  const stopping = new StoppingServer(server, settings, { calls, clock });
  const component: Omit<GrpcComponent, 'port'> = {
    name,
    dependsOn,
    start: () => stopping.bind(),
    quiesce: () => stopping.quiesce(),
    async drain(context) {
      requireContext('drain', context);
      return stopping.drain(context);
    },
    isIdle: () => calls.inFlight.size === 0,
    close: () => stopping.close(),
  };
  // a lifecycle takes nothing that it does not know, so it is not shown to it
  return Object.defineProperty(component, 'port', { get: () => stopping.port }) as GrpcComponent;
}

// --- internal ---

type ComponentSettings = GrpcComponentOptions & typeof grpcComponentDefaults;

function resolve(server: Server, options: GrpcComponentOptions): ComponentSettings {
  const settings = withKnown('grpcComponent', grpcComponentDefaults, options, ['address', 'credentials', 'dependsOn']);
  if (typeof server?.bindAsync !== 'function')
    throw new ConfigError('grpcComponent.server', 'a Server of grpc-js', server);
  isName('grpcComponent.name', settings.name);
  isName('grpcComponent.address', settings.address);
  inRange('grpcComponent.graceMs', settings.graceMs, [0, 60_000]);
  if (typeof settings.credentials !== 'object' || settings.credentials === null)
    throw new ConfigError('grpcComponent.credentials', 'ServerCredentials of grpc-js', settings.credentials);
  return settings;
}

/** How long those who were sent away and have come back may stay until they are sent away again. Milliseconds. */
const STAY_MS = 1000;

/** How long connections without calls are waited for. Milliseconds. */
const LAST_CONNECTIONS_MS = 1000;

/** As long as timers of Node.js can be: who is sent away may end what was begun, however long that takes. Milliseconds. */
const NO_FORCE_MS = 2_147_483_647;

class StoppingServer {
  /** 0 before it is bound. */
  port = 0;
  readonly #server: Server & Partial<Pick<Server, 'drain'>>;
  readonly #settings: ComponentSettings;
  readonly #calls: ComponentCalls;
  readonly #clock: Clock;
  #isBound = false;
  #again: Timer | undefined = undefined;
  #shut: Promise<void> | undefined = undefined;

  constructor(
    server: Server,
    settings: ComponentSettings,
    { calls, clock }: { readonly calls: ComponentCalls; readonly clock: Clock },
  ) {
    this.#server = server;
    this.#settings = settings;
    this.#calls = calls;
    this.#clock = clock;
  }

  async bind(): Promise<void> {
    const { name, address, credentials } = this.#settings;
    if (!this.#calls.inFlight.isOpen) throw new ConfigError(`${name}.start`, 'called before its drain', 'a later call');
    if (this.#isBound) throw new ConfigError(`${name}.start`, 'called once', 'a second call');
    this.#isBound = true; // also where it fails: a server of grpc-js gives the same failure for an address again
    this.port = await promisify(this.#server.bindAsync.bind(this.#server))(address, credentials);
  }

  quiesce(): void {
    this.#calls.callListeners.add(this.#sendAwayLater);
    this.#sendAway();
  }

  async drain(context: Context): Promise<DrainReport> {
    const drained = this.#calls.inFlight.drain(context); // calls that come are refused from here on
    this.#calls.callListeners.add(this.#sendAwayLater); // a connection may come when the server has been told to close
    this.#shut ??= new Promise((done) => this.#server.tryShutdown(() => done()));
    const shut = this.#shut;
    const report = await drained;
    await within(() => shut, { clock: this.#clock, context: context.withTimeout(LAST_CONNECTIONS_MS) });
    this.close();
    return report;
  }

  close(): void {
    this.#calls.callListeners.delete(this.#sendAwayLater);
    this.#again?.cancel();
    this.#server.forceShutdown();
  }

  // --- internal ---

  /** Tells clients to take their next calls elsewhere; what they have begun goes on. A grpc-js without `drain` cannot. */
  #sendAway(): void {
    if (this.port === 0) return;
    const { address } = this.#settings;
    const bound = address.replace(/:0$/, `:${this.port}`);
    callHook('quiesce', this.#settings.name, () => this.#server.drain?.(bound, NO_FORCE_MS));
  }

  /**
   * A client that is sent away begins once more what had not come here, and only once: one that comes back is sent away again after a
   * while, not with its first call, when all others of its calls would be lost.
   */
  readonly #sendAwayLater = (): void => {
    this.#again ??= this.#clock.setTimer(() => {
      this.#again = undefined;
      this.#sendAway();
    }, STAY_MS);
    this.#again.unref();
  };
}
