/**
 * Noop: passes everything through, as if it were not there.
 *
 * Use it where a policy is expected and none is wanted: in a test, behind a switch, for an environment that needs no
 * protection. Left in a pipeline it costs nothing: it has no layer of its own.
 *
 * Invariants
 *  (1) What goes in and what comes out is the same with it as without it, whatever its enforcement.
 *
 * @module
 */

import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import type { Handler } from '../../kernel/handler.ts';
import { type OptionRules, checkOptions, nonEmptyString, oneOfStrings } from '../../kernel/option-rules.ts';
import { withDefaults, withKnown } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import { updatable } from '../../kernel/update-plan.ts';

/** Options of {@link noop}. Omitted ones take {@link noopDefaults}. */
export interface NoopOptions extends PolicyPorts {
  /** Names this instance in a registry. @defaultValue 'noop' */
  readonly name?: string;
  /** As every policy has it, so that it takes the place of any; it does nothing anyway. @defaultValue 'enforce' */
  readonly enforcement?: Enforcement;
}

/** What {@link Noop.update} may change. */
export type NoopChanges = Partial<Pick<NoopOptions, 'enforcement'>>;

/** Every default of {@link noop}, in one place. */
export const noopDefaults: Required<Omit<NoopOptions, keyof PolicyPorts>> = Object.freeze({
  name: 'noop',
  enforcement: 'enforce',
});

/** What the options of {@link noop} may be. */
export const noopRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  enforcement: oneOfStrings(...enforcements),
});

/** A policy that does nothing. */
export interface Noop extends LayeredPolicy, Updatable<NoopChanges>, Describable {}

/**
 * Creates a policy that does nothing. It holds no state: one instance may stand in any number of places.
 *
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws the operation's error from execute, unchanged.
 * @throws `context.cause` from execute, when the context ended first.
 *
 * @example
 * ```ts
 * const limit = isProduction ? bulkhead(20) : noop();
 * ```
 */
export function noop(options: NoopOptions = {}): Noop {
  const { name, enforcement: first } = withDefaults('noop', noopDefaults, options);
  checkOptions('noop', noopRules, { name, enforcement: first });
  let enforcement = first;
  const changing = updatable({
    name,
    resolve: (changes: NoopChanges) => {
      const next = withKnown('noop.update', { enforcement }, changes);
      checkOptions('noop', noopRules, { name, ...next });
      return next;
    },
    apply: (next) => void ({ enforcement } = next),
  });
  return Object.assign(createPolicy({ kind: 'noop', name, layer: passThrough }), changing, {
    describe: (): PolicyDescription => ({ kind: 'noop', name, enforcement, options: {}, traits: {} }),
  });
}

/** The kind of policy that {@link noop} makes, for configuration. */
export const noopKind: PolicyKind = Object.freeze({
  kind: 'noop',
  rules: noopRules,
  required: Object.freeze([]),
  defaults: noopDefaults,
  create: noop,
});

// --- internal ---

const passThrough = (inner: Handler): Handler => inner; // (1)
