/**
 * Routes: what the endpoint shows and changes. One table; everything about a path is in its row.
 *
 * @module
 */

import type { NamedPolicy, Registry } from '@holdfast/core';
import type { FeatureControl, ModeChange, Restoration } from '@holdfast/degradation';

import { Problem } from './problem.ts';

/** What routes work on. */
export interface Subject {
  readonly registry: Registry;
  /** Undefined where the service has no features. */
  readonly degradation: FeatureControl | undefined;
}

/** A request that was let in. */
interface RouteCall extends Subject {
  /** What stands for `{name}` in the path; empty where nothing does. */
  readonly name: string;
  /** Reads the body as a JSON object. */
  readonly readBody: () => Promise<Readonly<Record<string, unknown>>>;
}

/** Answers one method of one path: with the body of a 200, or by throwing what was wrong. */
export type RouteHandler = (call: RouteCall) => unknown;

/** One path. */
export interface Route {
  /** `/features/{name}`: literal, but for the last segment. */
  readonly path: string;
  readonly about: string;
  readonly methods: Readonly<Partial<Record<'GET' | 'PUT' | 'DELETE', RouteHandler>>>;
}

/** All paths. */
const routes: readonly Route[] = Object.freeze([
  { path: '/', about: 'These routes', methods: { GET: index } },
  { path: '/circuits', about: 'All circuit breakers', methods: { GET: listCircuits } },
  { path: '/circuits/{name}', about: 'One circuit breaker', methods: { GET: showCircuit } },
  { path: '/features', about: 'All features', methods: { GET: listFeatures } },
  {
    path: '/features/{name}',
    about: 'One feature; PUT sets a mode for a limited time, DELETE restores the default',
    methods: { GET: showFeature, PUT: setMode, DELETE: restoreMode },
  },
  { path: '/audit', about: 'The last changes of features, oldest first', methods: { GET: showAudit } },
]);

/** Finds the route of a path, and what stands for `{name}` in it. Undefined where there is none. */
export function findRoute(path: string): { readonly route: Route; readonly name: string } | undefined {
  for (const route of routes) {
    if (route.path === path) return { route, name: '' };
    const prefix = route.path.replace(/\{name\}$/, '');
    const segment = path.startsWith(prefix) ? path.slice(prefix.length) : '';
    if (prefix !== route.path && segment !== '' && !segment.includes('/')) return { route, name: decode(segment) };
  }
  return undefined;
}

/** The methods of a route, as an Allow header lists them. */
export function allowedMethods({ methods }: Route): string {
  return Object.keys(methods)
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .join(', ');
}

// --- internal ---

function index(): unknown {
  return {
    routes: routes.map((route) => ({
      path: route.path,
      methods: allowedMethods(route).split(', '),
      about: route.about,
    })),
  };
}

function listCircuits({ registry }: RouteCall): unknown {
  return { circuits: [...registry].filter(isCircuit).map(showPolicy) };
}

function showCircuit({ registry, name }: RouteCall): unknown {
  const policy = registry.get(CIRCUIT, name);
  if (policy === undefined || !isCircuit(policy)) throw notFound(`there is no circuit breaker ${quote(name)}`);
  return showPolicy(policy);
}

function listFeatures({ degradation }: RouteCall): unknown {
  return { features: degradation?.list() ?? [] };
}

function showFeature(call: RouteCall): unknown {
  return featuresOf(call).status(call.name);
}

async function setMode(call: RouteCall): Promise<unknown> {
  const features = featuresOf(call);
  const { modes } = features.status(call.name); // an unknown feature is not worth reading a body for
  const { mode, ...change } = await call.readBody();
  if (typeof mode !== 'string')
    throw new Problem(400, `mode must be one of ${modes.join(', ')}`, { code: 'INVALID_CHANGE', field: 'mode' });
  return features.set(call.name, mode, change as unknown as ModeChange); // it checks every field
}

async function restoreMode(call: RouteCall): Promise<unknown> {
  const features = featuresOf(call);
  features.status(call.name);
  return features.restore(call.name, (await call.readBody()) as unknown as Restoration); // it checks every field
}

function showAudit({ degradation }: RouteCall): unknown {
  return { entries: degradation?.audit() ?? [] };
}

const CIRCUIT = 'circuit-breaker';

interface Circuit extends NamedPolicy<unknown> {
  snapshot(): object;
}

function isCircuit(policy: NamedPolicy<unknown>): policy is Circuit {
  return policy.kind === CIRCUIT && typeof (policy as Partial<Circuit>).snapshot === 'function';
}

function showPolicy(policy: Circuit): unknown {
  return { name: policy.name, ...policy.snapshot() };
}

function featuresOf({ degradation, name }: RouteCall): FeatureControl {
  if (degradation === undefined) throw notFound(`there is no feature ${quote(name)}; this service has none`);
  return degradation;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(400, 'the path must be percent-encoded UTF-8', { code: 'INVALID_PATH' });
  }
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}

function notFound(detail: string): Problem {
  return new Problem(404, detail, { code: 'NOT_FOUND' });
}
