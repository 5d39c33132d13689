/**
 * Branch: runs the function of a feature's mode and, as a ladder, that of the next worse mode when it fails.
 *
 *   read the mode ─► its function ── value ─────────────────────────────────► the value
 *                        └── fails ─► a permit ─► the next worse function ── ... ─► the first error, by identity
 *
 * Invariants
 *  (1) Without a ladder exactly one function runs.
 *  (2) A ladder only goes down, one mode at a time, inside the context of the call; when that has ended nothing starts.
 *  (3) At most `maxFallenCalls` calls are below the mode that was read; one more gets its error instead, and nobody is asked.
 *  (4) When nothing helps, the error of the mode that was read comes back by identity.
 *  (5) There is no ladder for writes of an essential feature: half done and done again in another way is worse than failed.
 *  (6) Under `observe` and `off` exactly one function runs, that of the mode that was read.
 *  (7) A call counts as served by each mode whose function was called, whatever came of it; with a ladder or without.
 *
 * @module
 */

import {
  type Bulkhead,
  type Clock,
  ConfigError,
  type Context,
  type Events,
  type Operation,
  type Policy,
  Context as Contexts,
  askHook,
  bulkhead,
  createPolicy,
  integerInRange,
  isFunction,
  oneOf,
  requireContext,
  withKnown,
} from '@holdfast/core';

import { noteReading } from './degraded-notice.ts';
import type { FeatureCell } from './feature-cell.ts';
import { answerBy, forgetAnswer } from './mode-answer.ts';

/** Options of a ladder. */
export interface LadderOptions {
  /** What its functions do. `write` is refused for an essential feature. @defaultValue 'read' */
  readonly effect?: 'read' | 'write' | undefined;
  /** Calls that may be below the mode that was read, at once. Integer, 1 to 1 000 000. @defaultValue 10 */
  readonly maxFallenCalls?: number | undefined;
  /** Whether to go down after `error`: true or false, at once. By default, and where it throws or is async, after every error. */
  readonly fallsOn?: ((error: unknown) => boolean) | undefined;
  /** `observe` tells where it would go down, and goes nowhere; `off` does not even tell. @defaultValue 'enforce' */
  readonly enforcement?: 'enforce' | 'observe' | 'off' | undefined;
}

/** Every default of a ladder, in one place. */
export const ladderDefaults: {
  readonly effect: 'read' | 'write';
  readonly maxFallenCalls: number;
  readonly fallsOn: (error: unknown) => boolean;
  readonly enforcement: 'enforce' | 'observe' | 'off';
} = Object.freeze({ effect: 'read', maxFallenCalls: 10, fallsOn: () => true, enforcement: 'enforce' });

/** A call went down because the function of its mode failed. */
export interface FeatureFellEvent {
  readonly type: 'feature.fell';
  readonly policy: 'feature';
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly error: unknown;
  /** `observe` where it would have gone down. */
  readonly enforcement: 'enforce' | 'observe';
}

/** What a ladder needs besides its cell. */
export interface LadderPorts {
  readonly clock: Clock;
  readonly events: Events;
}

/** Functions by mode. */
type ModeFunctions = Readonly<Record<string, (context: Context, ...given: unknown[]) => unknown>>;

/** Runs the function of a mode with the parameters that are in force for it. */
type Run = (mode: string, params: unknown, context: Context) => unknown;

/** Returns a function that runs the function of the mode that is read, with its parameters if `options` says so. */
export function branch(
  cell: FeatureCell,
  given: unknown,
  options: unknown,
): (context: Context, ...args: unknown[]) => Promise<unknown> {
  const functions = checkFunctions(cell, given, cell.definition.modes);
  const getsParams = checkWithParams(cell, options);
  const policy = createPolicy({ kind: 'feature', name: cell.name, layer: (inner) => inner });
  return (context, ...args) =>
    policy.execute((own) => {
      const { mode, params, isDegraded } = cell.read(own);
      cell.countServed(mode); // (7)
      const answer = { feature: cell.name, mode, isBest: !isDegraded };
      const all = getsParams ? [params, ...args] : args;
      return answerBy((inner) => functions[mode]?.(inner, ...all), own, answer); // (1)
    }, context);
}

/** Returns a function that runs a ladder; its functions get the parameters of their modes after the context. */
export function ladderFunction(
  cell: FeatureCell,
  given: unknown,
  ladder: Ladder,
): (context: Context, ...args: unknown[]) => Promise<unknown> {
  const functions = checkFunctions(cell, given, cell.definition.modes);
  return (context, ...args) => ladder.descend(context, (mode, params, own) => functions[mode]?.(own, params, ...args));
}

/** Returns a ladder whose best mode is the operation it runs. */
export function ladderPolicy(cell: FeatureCell, given: unknown, ladder: Ladder): Policy<unknown> {
  const [best, ...others] = cell.definition.modes;
  const functions = checkFunctions(cell, given, others);
  return {
    execute(operation: Operation, context: Context = Contexts.background): Promise<unknown> {
      return ladder.descend(context, (mode, params, own) =>
        mode === best ? operation(own) : functions[mode]?.(own, params),
      );
    },
  };
}

/** The way down of one call site. */
export class Ladder {
  readonly #cell: FeatureCell;
  readonly #events: Events;
  readonly #fallsOn: (error: unknown) => boolean;
  readonly #enforcement: 'enforce' | 'observe' | 'off';
  readonly #first: Policy;
  readonly #fallen: Bulkhead;

  constructor(cell: FeatureCell, options: LadderOptions, { clock, events }: LadderPorts) {
    const { name, definition } = cell;
    const { effect, maxFallenCalls, fallsOn, enforcement } = withKnown(name, ladderDefaults, options);
    oneOf(`${name}.enforcement`, enforcement, ['enforce', 'observe', 'off']);
    oneOf(`${name}.effect`, effect, ['read', 'write']);
    integerInRange(`${name}.maxFallenCalls`, maxFallenCalls, [1, 1_000_000]);
    isFunction(`${name}.fallsOn`, fallsOn);
    if (effect === 'write' && definition.essential)
      throw new ConfigError(`${name}.effect`, 'read, the feature being essential', effect); // (5)
    this.#cell = cell;
    this.#events = events;
    this.#fallsOn = fallsOn;
    this.#enforcement = enforcement;
    this.#first = createPolicy({ kind: 'feature', name, layer: (inner) => inner });
    this.#fallen = bulkhead({ name: `${name}-ladder`, maxConcurrent: maxFallenCalls, clock }); // (3)
  }

  /** Runs the mode that is read, and worse ones as long as they fail. */
  async descend(context: Context = Contexts.background, run: Run): Promise<unknown> {
    requireContext('execute', context);
    forgetAnswer(context);
    const { modes, params } = this.#cell.definition;
    const reading = this.#cell.read(context);
    const failures: unknown[] = [];
    let step: Step = { mode: reading.mode, params: reading.params, context, run, failure: undefined, hasRun: false };
    for (const mode of modes.slice(modes.indexOf(reading.mode))) {
      if (mode !== reading.mode)
        step = { mode, params: params[mode], context, run, failure: { error: failures.at(-1) }, hasRun: false };
      try {
        return await this.#take(step);
      } catch (error) {
        if (step.failure !== undefined && !step.hasRun) break; // (2), (3)
        failures.push(error);
        if (!this.#goesDown(step, error)) break;
      }
    }
    throw failures[0]; // (4)
  }

  async #take(step: Step): Promise<unknown> {
    const { mode, params, context, run, failure } = step;
    const { name: feature, definition } = this.#cell;
    const answer = { feature, mode, isBest: mode === definition.modes[0], failure };
    const policy = failure === undefined ? this.#first : this.#fallen;
    const value = await policy.execute((own) => {
      step.hasRun = true;
      this.#cell.countServed(mode); // (7)
      return answerBy((inner) => run(mode, params, inner), own, answer);
    }, context);
    if (failure === undefined) return value;
    noteReading(context, { feature, mode, decidedBy: 'failure' });
    const from = definition.modes[definition.modes.indexOf(mode) - 1] as string;
    this.#tellFall({ from, to: mode, error: failure.error, enforcement: 'enforce' });
    return value;
  }

  #goesDown({ context, mode }: Step, error: unknown): boolean {
    if (context.cancelled || this.#enforcement === 'off') return false; // (2)
    const ask = (): boolean => this.#fallsOn(error);
    if (!askHook('fallsOn', this.#cell.name, ask, () => true)) return false;
    if (this.#enforcement === 'observe') this.#tellWouldFall(mode, error);
    return this.#enforcement === 'enforce'; // (6)
  }

  #tellWouldFall(from: string, error: unknown): void {
    const { modes } = this.#cell.definition;
    const to = modes[modes.indexOf(from) + 1];
    if (to !== undefined) this.#tellFall({ from, to, error, enforcement: 'observe' });
  }

  #tellFall(fall: Pick<FeatureFellEvent, 'from' | 'to' | 'error' | 'enforcement'>): void {
    if (!this.#events.active) return;
    const event: FeatureFellEvent = { type: 'feature.fell', policy: 'feature', name: this.#cell.name, ...fall };
    this.#events.emit(event);
  }
}

// --- internal ---

/** One function of a ladder, and all it needs. */
interface Step {
  readonly mode: string;
  readonly params: unknown;
  readonly context: Context;
  readonly run: Run;
  readonly failure: { readonly error: unknown } | undefined;
  /** Whether the function was called. */
  hasRun: boolean;
}

function checkFunctions({ name }: FeatureCell, given: unknown, modes: readonly string[]): ModeFunctions {
  const functions = Object.fromEntries(Object.entries((given ?? {}) as Readonly<Record<string, unknown>>));
  for (const mode of modes) isFunction(`${name}.${mode}`, functions[mode]);
  for (const key of Object.keys(functions)) {
    if (!modes.includes(key)) throw new ConfigError(name, `implemented for ${modes.join(', ')} only`, key);
  }
  return functions as ModeFunctions;
}

function checkWithParams({ name }: FeatureCell, options: unknown): boolean {
  if (options === undefined) return false;
  const { withParams, ...others } = (options ?? {}) as Record<string, unknown>;
  if (withParams === true && Object.keys(others).length === 0) return true;
  throw new ConfigError(`${name}: the options of feature`, 'left out or { withParams: true }', options);
}
