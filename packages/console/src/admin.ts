/**
 * Admin: an HTTP API that shows circuits, features and policies, and changes them for a limited time.
 *
 * Use it from this machine, by a shell, a script or a tunnel. Do not put it on the internet.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Registry,
  inRange,
  integerInRange,
  isFunction,
  isName,
  withKnown,
} from '@holdfast/core';
import type { Brownout, FeatureControl } from '@holdfast/degradation';

import { ActionTrail } from './actions/action-trail.ts';
import { CircuitHolds } from './actions/circuit-holds.ts';
import { FleetHolds } from './actions/fleet-holds.ts';
import { FeatureChanges } from './actions/feature-changes.ts';
import { OptionChanges } from './actions/option-changes.ts';
import { type RoleCheck, type RoleTokens, bearerToken, bearerTokens } from './bearer-token.ts';
import { type AdminActedEvent, type RequestHandler, endpoint } from './endpoint.ts';
import { Listener, type ListenerAddress } from './listener.ts';
import { LiveFeed } from './live/live-feed.ts';
import { isLoopbackHost } from './loopback.ts';
import { ShownCircuits } from './policies/shown-circuits.ts';
import { requestRate } from './request-rate.ts';
import type { Subject } from './subject.ts';
import { type WallClock, steadyWallClock, systemWallClock } from './wall-clock.ts';

/** Options of {@link createAdmin}. Omitted ones take {@link adminDefaults}. */
export interface AdminOptions {
  /** Whose circuits are shown. */
  readonly registry: Registry;
  /** Whose features are shown and switched. Without it the service has none. */
  readonly degradation?: FeatureControl;
  /** Explains the level of the service. Without it the level is shown as `degradation` was told it. */
  readonly brownout?: Pick<Brownout, 'explain'>;
  /** One secret for everybody, whose role is `operator`. At least 16 characters, of those that a header can carry. */
  readonly token?: string;
  /** Secrets by role, instead of `token`: `viewer`, `operator`, `break-glass`; several of a role in an array. */
  readonly tokens?: RoleTokens;
  /** Address or name to listen on; a loopback one unless `allowRemote`. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** Port to listen on. Integer, 0 to 65 535; 0 lets the system choose. @defaultValue 0 */
  readonly port?: number;
  /** Whether other machines, and requests under other names than loopback ones, are answered. @defaultValue false */
  readonly allowRemote?: boolean;
  /** Time that a body may take to arrive. Milliseconds, integer, 1 to 60 000. @defaultValue 5000 */
  readonly bodyTimeoutMs?: number;
  /** Name of the service, for people. @defaultValue 'service' */
  readonly service?: string;
  /** Requests of one role that are answered per second; twice as many at once. Integer, 1 to 100 000. @defaultValue 100 */
  readonly maxRequestsPerSecond?: number;
  /** Time between samples of the history. Milliseconds, integer, 0 or 100 to 60 000; 0 keeps no history. @defaultValue 1000 */
  readonly sampleMs?: number;
  /** Clients that may watch `/events` at once. Integer, 0 to 1 000. @defaultValue 32 */
  readonly maxWatchers?: number;
  /** Time after which a client of `/events` that takes nothing is cut off. Milliseconds, 100 to 600 000. @defaultValue 15_000 */
  readonly stalledMs?: number;
  /** Source of all time but the calendar's; by default the registry's. */
  readonly clock?: Clock;
  /** The calendar, for people: milliseconds since 1970. By default that of the platform. */
  readonly wallClock?: WallClock;
}

/** Every default of {@link createAdmin}, in one place. */
export const adminDefaults: Required<
  Omit<AdminOptions, 'registry' | 'degradation' | 'brownout' | 'token' | 'tokens' | 'clock'>
> = Object.freeze({
  host: '127.0.0.1',
  port: 0,
  allowRemote: false,
  bodyTimeoutMs: 5000,
  service: 'service',
  maxRequestsPerSecond: 100,
  sampleMs: 1000,
  maxWatchers: 32,
  stalledMs: 15_000,
  wallClock: systemWallClock,
});

/** An admin endpoint. */
export interface Admin {
  /** Answers requests of a server that you have, by their paths: `GET /` lists them. */
  readonly handler: RequestHandler;
  /** Starts a server of its own. Called again, it returns the same address. Rejects when it cannot listen, or was closed. */
  listen(): Promise<ListenerAddress>;
  /**
   * Ends all streams and the history, and stops that server: requests under way are answered, all other connections end.
   * Circuits that are held stay so for the rest of their time. Idempotent; never rejects.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Creates an admin endpoint. It does nothing until `listen()` is called or a server passes requests to `handler`.
 *
 * @throws ConfigError at creation, when an option is out of range, or `host` is not a loopback one without `allowRemote`.
 * @throws TypeError at creation, when an option is unknown.
 *
 * @example
 * ```ts
 * const admin = createAdmin({ registry, degradation, token: process.env.ADMIN_TOKEN ?? '' });
 * const { url } = await admin.listen();
 * ```
 */
export function createAdmin(options: AdminOptions): Admin {
  const { roleOf, host, port, bodyTimeoutMs, allowRemote, clock, maxRequestsPerSecond, ...rest } = resolve(options);
  const subject = subjectOf({ ...rest, clock });
  const rate = requestRate(maxRequestsPerSecond, clock);
  const handler = endpoint({ ...subject, roleOf, allowRemote, bodyTimeoutMs, clock, rate });
  const listener = new Listener({ handler, host, port, bodyTimeoutMs });
  const close = (): Promise<void> => {
    subject.live.close();
    subject.holds.close();
    subject.fleetHolds.close();
    return listener.close();
  };
  const listen = (): Promise<ListenerAddress> => {
    const listening = listener.listen();
    void listening.then(
      () => subject.live.start(),
      () => {}, // whoever called hears of it
    );
    return listening;
  };
  return { handler, listen, close, [Symbol.asyncDispose]: close };
}

// --- internal ---

const OPTION_NAMES = ['brownout', 'clock', 'degradation', 'registry', 'token', 'tokens'];

type Settings = Required<Omit<AdminOptions, 'degradation' | 'brownout' | 'token' | 'tokens'>> & {
  readonly roleOf: RoleCheck;
  readonly degradation: FeatureControl | undefined;
  readonly brownout: Pick<Brownout, 'explain'> | undefined;
};

type SubjectSettings = Omit<
  Settings,
  'roleOf' | 'host' | 'port' | 'bodyTimeoutMs' | 'allowRemote' | 'maxRequestsPerSecond'
>;

function subjectOf(settings: SubjectSettings): Subject {
  const { registry, degradation, brownout, service, clock, wallClock } = settings;
  const { sampleMs, maxWatchers, stalledMs } = settings;
  const trail = new ActionTrail(wallClock);
  trail.listen((action) => {
    const event: AdminActedEvent = { type: 'admin.acted', policy: 'admin', name: 'admin', action };
    if (registry.events.active) registry.events.emit(event);
  });
  const parts = { registry, clock, wallClock, trail };
  const [holds, fleetHolds] = [new CircuitHolds(parts), new FleetHolds(parts)];
  const circuits = new ShownCircuits(registry, holds, fleetHolds);
  const look = { registry, degradation, circuits, trail, clock, wallClock, service };
  return {
    registry,
    degradation,
    brownout,
    service,
    trail,
    circuits,
    holds,
    fleetHolds,
    options: new OptionChanges({ registry, trail }),
    features: degradation && new FeatureChanges({ degradation, clock, trail }),
    live: new LiveFeed({ ...look, sampleMs, maxWatchers, stalledMs }),
  };
}

function resolve(options: AdminOptions): Settings {
  const resolved = withKnown('admin', adminDefaults, options, OPTION_NAMES);
  const { registry, degradation, brownout } = resolved;
  if (typeof registry?.get !== 'function') throw new ConfigError('admin.registry', 'a registry', registry);
  if (degradation !== undefined && typeof degradation?.list !== 'function')
    throw new ConfigError('admin.degradation', 'what createDegradation() returned', degradation);
  if (brownout !== undefined && typeof brownout?.explain !== 'function')
    throw new ConfigError('admin.brownout', 'what createBrownout() returned', brownout);
  checkPlace(resolved);
  checkLimits(resolved);
  const [clock, wallClock] = [resolved.clock ?? registry.clock, steadyWallClock(resolved.wallClock)];
  return { ...resolved, degradation, brownout, roleOf: roleCheckOf(resolved), clock, wallClock };
}

function checkLimits(given: typeof adminDefaults): void {
  integerInRange('admin.bodyTimeoutMs', given.bodyTimeoutMs, [1, 60_000]);
  integerInRange('admin.maxRequestsPerSecond', given.maxRequestsPerSecond, [1, 100_000]);
  integerInRange('admin.maxWatchers', given.maxWatchers, [0, 1000]);
  if (given.sampleMs !== 0) integerInRange('admin.sampleMs', given.sampleMs, [100, 60_000]);
  inRange('admin.stalledMs', given.stalledMs, [100, 600_000]);
  isName('admin.service', given.service);
  isFunction('admin.wallClock', given.wallClock);
}

function checkPlace({ host, port, allowRemote }: typeof adminDefaults): void {
  isName('admin.host', host);
  if (typeof allowRemote !== 'boolean') throw new ConfigError('admin.allowRemote', 'true or false', allowRemote);
  if (!allowRemote && !isLoopbackHost(host))
    throw new ConfigError('admin.host', 'a loopback address unless admin.allowRemote is true', host);
  integerInRange('admin.port', port, [0, 65_535]);
}

function roleCheckOf({ token, tokens }: Pick<AdminOptions, 'token' | 'tokens'>): RoleCheck {
  if (tokens === undefined) return bearerToken(token);
  if (token === undefined) return bearerTokens(tokens);
  throw new ConfigError('admin.token', 'absent where admin.tokens is given', '...');
}
