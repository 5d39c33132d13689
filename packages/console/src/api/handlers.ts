/**
 * Handlers: what each method of each route does.
 *
 * @module
 */

import {
  type FeatureControl,
  type ModeChange,
  type PlacedTarget,
  type Restoration,
  explainFeature,
} from '@holdfast/degradation';

import type { Author, ShownAction } from '../actions/action-trail.ts';
import type { HoldRequest, Scope } from '../actions/circuit-holds.ts';
import type { FeatureChanges } from '../actions/feature-changes.ts';
import type { CircuitEntry } from '../policies/catalogue.ts';
import { detailOf, findPipeline, pipelinesOf, summariesOf } from '../policies/shown-policies.ts';
import { Problem } from './problem.ts';
import { LiveAnswer, type RouteCall } from './route.ts';

export function index({ role, service, live }: RouteCall): object {
  const { nowMs, sampleMs } = live.time();
  return { service, role, nowMs, sampleMs };
}

export function listCircuits({ circuits }: RouteCall): unknown {
  return { circuits: circuits.list() };
}

export function showCircuit({ circuits, name }: RouteCall): unknown {
  return circuits.show(circuits.find(name));
}

export async function holdCircuit(call: RouteCall): Promise<unknown> {
  const { circuits, holds, fleetHolds, name } = call;
  const entry = circuits.find(name); // an unknown circuit is not worth reading a body for
  const { scope, ...rest } = await scoped(call);
  const request = rest as unknown as HoldRequest;
  const action = scope === 'fleet' ? await fleetHolds.hold(name, request) : holds.hold(name, request);
  return heldCircuit(call, { entry, scope, action });
}

export async function releaseCircuit(call: RouteCall): Promise<unknown> {
  const { circuits, holds, fleetHolds, name } = call;
  const entry = circuits.find(name);
  const { scope, ...rest } = await scoped(call);
  const author = rest as unknown as Author;
  if (scope === 'process') requireHere(call, entry);
  const action = scope === 'fleet' ? await fleetHolds.release(name, author) : holds.release(name, author);
  return heldCircuit(call, { entry, scope, action });
}

export function listFeatures({ degradation }: RouteCall): unknown {
  return { features: degradation?.list() ?? [] };
}

export function showFeature(call: RouteCall): unknown {
  return controlOf(call).status(call.name);
}

export async function setMode(call: RouteCall): Promise<unknown> {
  const changes = changesOf(call);
  controlOf(call).status(call.name);
  const { mode, ...change } = await authored(call);
  const { status, action } = changes.set(call.name, mode as string, change as unknown as ModeChange & Author);
  return { ...status, actionId: action.id };
}

export async function restoreMode(call: RouteCall): Promise<unknown> {
  const changes = changesOf(call);
  controlOf(call).status(call.name);
  const { status, action } = changes.restore(call.name, (await authored(call)) as unknown as Restoration & Author);
  return { ...status, actionId: action.id };
}

export function explain(call: RouteCall): unknown {
  return explainFeature(controlOf(call), call.name);
}

export async function explainFor(call: RouteCall): Promise<unknown> {
  const features = controlOf(call);
  features.status(call.name);
  return explainFeature(features, call.name, (await call.readBody()) as unknown as PlacedTarget);
}

export function showBrownout({ degradation, brownout }: RouteCall): unknown {
  const { level, reason } = degradation?.level() ?? { level: 0, reason: '' };
  return { level, reason, explanation: brownout?.explain() };
}

export function listPipelines({ registry }: RouteCall): unknown {
  return pipelinesOf(registry);
}

export function showPipeline({ registry, name }: RouteCall): unknown {
  const found = findPipeline(registry, name);
  if (found === undefined) throw notFound(`there is no pipeline ${quote(name)}`);
  return found;
}

export function listPolicies({ options, registry }: RouteCall): unknown {
  return { policies: summariesOf(registry, options.list()) };
}

export function showPolicy({ options, name }: RouteCall): unknown {
  return detailOf(options.find(name));
}

export async function changeOptions(call: RouteCall): Promise<unknown> {
  const { options, name } = call;
  const entry = options.find(name);
  const { changes, ...author } = await authored(call);
  const { id } = options.change(name, changes as object as Record<string, unknown>, author as unknown as Author);
  return { ...detailOf(entry), actionId: id };
}

export async function diffOptions(call: RouteCall): Promise<unknown> {
  const { options, name } = call;
  options.find(name);
  const { changes } = await call.readBody();
  return options.difference(name, changes as Record<string, unknown>);
}

export function showAudit({ degradation, trail }: RouteCall): unknown {
  return { entries: degradation?.audit() ?? [], actions: trail.list() };
}

export async function undoAction(call: RouteCall): Promise<unknown> {
  const author = (await authored(call)) as unknown as Author;
  return { action: await call.trail.undo(call.name, author) };
}

export function showHistory({ live }: RouteCall): unknown {
  return live.history();
}

export function watch({ live, request, role, query }: RouteCall): LiveAnswer {
  return new LiveAnswer(live.admit(request, role, query['lastEventId']));
}

// --- internal ---

interface Held {
  readonly entry: CircuitEntry;
  readonly scope: Scope;
  readonly action: ShownAction;
}

/** The circuit afterwards, also where it has gone meanwhile, or cannot be read; where that was done, and who says so. */
function heldCircuit({ circuits, fleetHolds }: RouteCall, { entry, scope, action }: Held): object {
  const shown = circuits.showAnyway(entry);
  const { scopes } = shown as { readonly scopes?: readonly Scope[] };
  const nodes = scopes?.includes('fleet') === true ? fleetHolds.nodes : undefined;
  const confirmedBy = scope === 'fleet' ? 'store' : 'process';
  return { ...shown, actionId: action.id, scope, confirmedBy, nodes };
}

/** Says where a circuit is held, where somebody would release it elsewhere. */
function requireHere({ circuits }: RouteCall, entry: CircuitEntry): void {
  const { hold, fleetHold } = circuits.holdsOf(entry);
  if (hold !== null || fleetHold === null) return;
  const detail = `the circuit ${entry.circuitId} is held for the fleet, not in this process: release it with scope "fleet"`;
  throw new Problem(409, detail, { code: 'NOT_HELD', field: 'scope' });
}

/** Reads a body that says who does it, and where. */
async function scoped(call: RouteCall): Promise<Readonly<Record<string, unknown>> & { readonly scope: Scope }> {
  const { scope = 'process', ...rest } = await authored(call);
  return { ...rest, scope: scope as Scope };
}

/** Reads a body that says who does it. What they may do, says the token. */
async function authored({ readBody, role }: RouteCall): Promise<Readonly<Record<string, unknown>>> {
  return { ...(await readBody()), role };
}

function controlOf({ degradation, name }: RouteCall): FeatureControl {
  if (degradation === undefined) throw notFound(`there is no feature ${quote(name)}; this service has none`);
  return degradation;
}

function changesOf({ features, name }: RouteCall): FeatureChanges {
  if (features === undefined) throw notFound(`there is no feature ${quote(name)}; this service has none`);
  return features;
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}

function notFound(detail: string): Problem {
  return new Problem(404, detail, { code: 'NOT_FOUND' });
}
