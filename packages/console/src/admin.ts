/**
 * Admin: an HTTP endpoint that shows circuits and features, and switches features.
 *
 * Use it from this machine, by a shell, a script or a tunnel. Do not put it on the internet.
 *
 * @module
 */

import { type Clock, ConfigError, type Registry, integerInRange, isName, withKnown } from '@holdfast/core';
import type { Brownout, FeatureControl } from '@holdfast/degradation';

import { type RoleCheck, type RoleTokens, bearerToken, bearerTokens } from './bearer-token.ts';
import { type RequestHandler, endpoint } from './endpoint.ts';
import { Listener, type ListenerAddress } from './listener.ts';
import { isLoopbackHost } from './loopback.ts';

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
  /** Source of that time; by default the registry's. */
  readonly clock?: Clock;
}

/** Every default of {@link createAdmin}, in one place. */
export const adminDefaults: Required<Pick<AdminOptions, 'host' | 'port' | 'allowRemote' | 'bodyTimeoutMs'>> =
  Object.freeze({ host: '127.0.0.1', port: 0, allowRemote: false, bodyTimeoutMs: 5000 });

/** An admin endpoint. */
export interface Admin {
  /** Answers requests of a server that you have, by their paths: `GET /` lists them. */
  readonly handler: RequestHandler;
  /** Starts a server of its own. Called again, it returns the same address. Rejects when it cannot listen, or was closed. */
  listen(): Promise<ListenerAddress>;
  /** Stops that server: requests under way are answered, all other connections end. Idempotent; never rejects. */
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
  const { roleOf, host, port, bodyTimeoutMs, ...rest } = resolve(options);
  const handler = endpoint({ ...rest, roleOf, bodyTimeoutMs });
  const listener = new Listener({ handler, host, port, bodyTimeoutMs });
  const close = (): Promise<void> => listener.close();
  return { handler, listen: () => listener.listen(), close, [Symbol.asyncDispose]: close };
}

// --- internal ---

const OPTION_NAMES = ['allowRemote', 'bodyTimeoutMs', 'brownout', 'clock', 'degradation', 'host', 'port', 'registry'];

type Settings = Required<Omit<AdminOptions, 'degradation' | 'brownout' | 'token' | 'tokens'>> & {
  readonly roleOf: RoleCheck;
  readonly degradation: FeatureControl | undefined;
  readonly brownout: Pick<Brownout, 'explain'> | undefined;
};

function resolve(options: AdminOptions): Settings {
  const resolved = withKnown('admin', adminDefaults, options, [...OPTION_NAMES, 'token', 'tokens']);
  const { registry, degradation, brownout } = resolved;
  if (typeof registry?.get !== 'function') throw new ConfigError('admin.registry', 'a registry', registry);
  if (degradation !== undefined && typeof degradation?.list !== 'function')
    throw new ConfigError('admin.degradation', 'what createDegradation() returned', degradation);
  if (brownout !== undefined && typeof brownout?.explain !== 'function')
    throw new ConfigError('admin.brownout', 'what createBrownout() returned', brownout);
  checkPlace(resolved);
  integerInRange('admin.bodyTimeoutMs', resolved.bodyTimeoutMs, [1, 60_000]);
  return { ...resolved, degradation, brownout, roleOf: roleCheckOf(resolved), clock: resolved.clock ?? registry.clock };
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
