/**
 * Branch: runs the function of a feature's mode and, as a ladder, that of the next worse mode when it fails.
 *
 *   read the mode ─► its function ── value ─────────────────────────────────► the value
 *                        └── fails ─► a permit ─► the next worse function ── ... ─► the first error, by identity
 *
 * Invariants
 *  (1) Without a ladder exactly one function runs.
 *  (2) A ladder only goes down, one mode at a time, inside the context of the call; when that has ended nothing starts.
 *  (3) At most `maxFallenCalls` calls are below the mode that was read; one more gets its error instead.
 *  (4) When nothing helps, the error of the mode that was read comes back by identity.
 *  (5) There is no ladder for writes of an essential feature: half done and done again in another way is worse than failed.
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
  bulkhead,
  createPolicy,
  integerInRange,
  isFunction,
  oneOf,
  reportHookError,
} from '@holdfast/core';

import { noteReading } from './degraded-notice.ts';
import type { FeatureCell } from './feature-cell.ts';

/** Options of a ladder. */
export interface LadderOptions {
  /** What its functions do. `write` is refused for an essential feature. By default `read`. */
  readonly effect?: 'read' | 'write' | undefined;
  /** Calls that may be below the mode that was read, at once. Integer, 1 to 1 000 000. By default 10. */
  readonly maxFallenCalls?: number | undefined;
  /** Whether to go down after `error`. By default after every error. */
  readonly fallsOn?: ((error: unknown) => boolean) | undefined;
}

/** A call went down because the function of its mode failed. */
export interface FeatureFellEvent {
  readonly type: 'feature.fell';
  readonly policy: 'feature';
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly error: unknown;
}

/** What a ladder needs besides its cell. */
export interface LadderPorts {
  readonly clock: Clock;
  readonly events: Events;
}

/** Functions by mode, of any types. */
type AnyFunctions = Readonly<Record<string, unknown>>;

type Run = (mode: string, context: Context) => unknown;

/** Returns a function that runs the function of the mode that is read. */
export function branch(cell: FeatureCell, given: unknown): (context: Context, ...args: unknown[]) => Promise<unknown> {
  const functions = checkFunctions(cell, given, cell.definition.modes);
  const policy = createPolicy({ kind: 'feature', name: cell.name, layer: (inner) => inner });
  return (context, ...args) =>
    policy.execute((own) => {
      const { mode } = cell.read(own);
      cell.countServed(mode);
      return (functions[mode] as (own: Context, ...args: unknown[]) => unknown)(own, ...args); // (1)
    }, context);
}

/** Returns a function that runs a ladder; its functions get the parameters of their modes after the context. */
export function ladderFunction(
  cell: FeatureCell,
  given: unknown,
  ladder: Ladder,
): (context: Context, ...args: unknown[]) => Promise<unknown> {
  const functions = checkFunctions(cell, given, cell.definition.modes);
  return (context, ...args) =>
    ladder.descend(context, (mode, own) =>
      (functions[mode] as (own: Context, ...rest: unknown[]) => unknown)(own, cell.definition.params[mode], ...args),
    );
}

/** Returns a ladder whose best mode is the operation it runs. */
export function ladderPolicy(cell: FeatureCell, given: unknown, ladder: Ladder): Policy<unknown> {
  const [best, ...others] = cell.definition.modes;
  const functions = checkFunctions(cell, given, others);
  return {
    execute(operation: Operation, context: Context = Contexts.background): Promise<unknown> {
      const run: Run = (mode, own) => {
        if (mode === best) return operation(own);
        return (functions[mode] as (own: Context, params: unknown) => unknown)(own, cell.definition.params[mode]);
      };
      return ladder.descend(context, run);
    },
  };
}

/** The way down of one call site. */
export class Ladder {
  readonly #cell: FeatureCell;
  readonly #events: Events;
  readonly #fallsOn: (error: unknown) => boolean;
  readonly #first: Policy;
  readonly #fallen: Bulkhead;

  constructor(cell: FeatureCell, options: LadderOptions, { clock, events }: LadderPorts) {
    const { effect = 'read', maxFallenCalls = 10, fallsOn = () => true } = options;
    const { name, definition } = cell;
    oneOf(`${name}.effect`, effect, ['read', 'write']);
    integerInRange(`${name}.maxFallenCalls`, maxFallenCalls, [1, 1_000_000]);
    isFunction(`${name}.fallsOn`, fallsOn);
    if (effect === 'write' && definition.essential)
      throw new ConfigError(`${name}.effect`, 'read, the feature being essential', effect); // (5)
    this.#cell = cell;
    this.#events = events;
    this.#fallsOn = fallsOn;
    this.#first = createPolicy({ kind: 'feature', name, layer: (inner) => inner });
    this.#fallen = bulkhead({ name: `${name}-ladder`, maxConcurrent: maxFallenCalls, clock }); // (3)
  }

  /** Runs the mode that is read, and worse ones as long as they fail. */
  async descend(context: Context, run: Run): Promise<unknown> {
    const { modes } = this.#cell.definition;
    const start = modes.indexOf(this.#cell.read(context).mode);
    const failures: unknown[] = [];
    for (let position = start; position < modes.length; position++) {
      const mode = modes[position] as string;
      const [from, error] = [modes[position - 1] as string, failures.at(-1)];
      try {
        if (position === start) return await this.#step(this.#first, { mode, context, run });
        const value = await this.#step(this.#fallen, { mode, context, run });
        this.#tellFall({ from, to: mode, error }, context);
        return value;
      } catch (failure) {
        failures.push(failure);
        if (context.cancelled || !this.#goesDown(failure)) break; // (2)
      }
    }
    throw failures[0]; // (4)
  }

  #step(policy: Policy, { mode, context, run }: { mode: string; context: Context; run: Run }): Promise<unknown> {
    return policy.execute(async (own) => {
      const value = await run(mode, own);
      this.#cell.countServed(mode);
      return value;
    }, context);
  }

  #goesDown(error: unknown): boolean {
    try {
      return this.#fallsOn(error);
    } catch (failure) {
      reportHookError('fallsOn', failure, this.#cell.name);
      return true;
    }
  }

  #tellFall({ from, to, error }: Pick<FeatureFellEvent, 'from' | 'to' | 'error'>, context: Context): void {
    const { name } = this.#cell;
    noteReading(context, { feature: name, mode: to, decidedBy: 'failure' });
    if (!this.#events.active) return;
    const event: FeatureFellEvent = { type: 'feature.fell', policy: 'feature', name, from, to, error };
    this.#events.emit(event);
  }
}

// --- internal ---

function checkFunctions({ name }: FeatureCell, given: unknown, modes: readonly string[]): AnyFunctions {
  const functions = Object.fromEntries(Object.entries((given ?? {}) as AnyFunctions));
  for (const mode of modes) isFunction(`${name}.${mode}`, functions[mode]);
  for (const key of Object.keys(functions)) {
    if (!modes.includes(key)) throw new ConfigError(name, `implemented for ${modes.join(', ')} only`, key);
  }
  return functions;
}
