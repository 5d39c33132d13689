/**
 * Routes: what the endpoint shows and changes. One table; everything about a path is in its row.
 *
 * @module
 */

import type { NamedPolicy, Registry } from '@holdfast/core';
import {
  type Brownout,
  type FeatureControl,
  type ModeChange,
  type Restoration,
  type Role,
  explainFeature,
} from '@holdfast/degradation';

import { targetOfBody } from './explanation-body.ts';
import { Problem } from './problem.ts';

/** What routes work on. */
export interface Subject {
  readonly registry: Registry;
  /** Undefined where the service has no features. */
  readonly degradation: FeatureControl | undefined;
  /** Undefined where nothing explains the level. */
  readonly brownout: Pick<Brownout, 'explain'> | undefined;
}

/** A request that was let in. */
interface RouteCall extends Subject {
  /** What stands for `{name}` in the path; empty where nothing does. */
  readonly name: string;
  /** What whoever asks may do, by the token. */
  readonly role: Role;
  /** Reads the body as a JSON object. */
  readonly readBody: () => Promise<Readonly<Record<string, unknown>>>;
}

/** Answers one method of one path: with the body of a 200, or by throwing what was wrong. */
export type RouteHandler = (call: RouteCall) => unknown;

/** One path. */
export interface Route {
  /** `/features/{name}/explanation`: literal, but for one segment. */
  readonly path: string;
  readonly about: string;
  readonly methods: Readonly<Partial<Record<'GET' | 'POST' | 'PUT' | 'DELETE', RouteHandler>>>;
}

/** All paths. */
const routes: readonly Route[] = Object.freeze([
  { path: '/', about: 'These routes', methods: { GET: index } },
  { path: '/circuits', about: 'All circuit breakers', methods: { GET: listCircuits } },
  { path: '/circuits/{name}', about: 'One circuit breaker', methods: { GET: showCircuit } },
  { path: '/features', about: 'All features', methods: { GET: listFeatures } },
  {
    path: '/features/{name}',
    about: 'One feature; PUT sets a mode for a limited time, DELETE ends overrides',
    methods: { GET: showFeature, PUT: setMode, DELETE: restoreMode },
  },
  {
    path: '/features/{name}/explanation',
    about: 'Why a feature is in its mode; POST says why for one user, and changes nothing',
    methods: { GET: explain, POST: explainFor },
  },
  { path: '/brownout', about: 'The brownout level, and why it is what it is', methods: { GET: showBrownout } },
  { path: '/audit', about: 'The last changes of features, oldest first', methods: { GET: showAudit } },
]);

/** Finds the route of a path, and what stands for `{name}` in it. Undefined where there is none. */
export function findRoute(path: string): { readonly route: Route; readonly name: string } | undefined {
  for (const route of routes) {
    if (route.path === path) return { route, name: '' };
    const [before = '', after] = route.path.split('{name}');
    if (after === undefined || !path.startsWith(before) || !path.endsWith(after)) continue;
    const segment = path.slice(before.length, path.length - after.length);
    if (segment !== '' && !segment.includes('/')) return { route, name: decode(segment) };
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

function index({ role }: RouteCall): unknown {
  return {
    role,
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
  const { mode, ...change } = await readChange(call);
  if (typeof mode !== 'string')
    throw new Problem(400, `mode must be one of ${modes.join(', ')}`, { code: 'INVALID_CHANGE', field: 'mode' });
  return features.set(call.name, mode, change as unknown as ModeChange); // it checks every field
}

async function restoreMode(call: RouteCall): Promise<unknown> {
  const features = featuresOf(call);
  features.status(call.name);
  return features.restore(call.name, (await readChange(call)) as unknown as Restoration); // it checks every field
}

/** Reads a change. Who makes it says so; what they may do, says the token. */
async function readChange({ readBody, role }: RouteCall): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody();
  if (!Object.hasOwn(body, 'role')) return { ...body, role };
  throw new Problem(400, 'role must be absent: the token says what it is', { code: 'INVALID_CHANGE', field: 'role' });
}

function explain(call: RouteCall): unknown {
  return explainFeature(featuresOf(call), call.name);
}

async function explainFor(call: RouteCall): Promise<unknown> {
  const features = featuresOf(call);
  features.status(call.name);
  return explainFeature(features, call.name, targetOfBody(await call.readBody()));
}

function showBrownout({ degradation, brownout }: RouteCall): unknown {
  const { level, reason } = degradation?.level() ?? { level: 0, reason: '' };
  return { level, reason, explanation: brownout?.explain() };
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
