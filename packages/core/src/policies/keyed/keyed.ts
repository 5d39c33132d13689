/**
 * Keyed: one policy per key, such as a circuit breaker per host or a bulkhead per tenant.
 *
 * Use it where one instance would make all keys pay for one. Do not use it where keys are as many as calls (a URL with
 * identifiers in it): no member then ever sees enough to decide anything.
 *
 *   call ─► keyOf(context) ─► the member of that key ─► operation
 *                        └──► the overflow member, if there is no room
 *
 * Invariants
 *  (1) A key has the same member as long as that lives. It is made when the key is first used.
 *  (2) A call counts as running under its member from its start to its outcome, and is counted out exactly once.
 *  (3) A `keyOf` or `make` that fails costs no call: that is reported, and the call runs under the member of the key `''`,
 *      or under the overflow member.
 *  (4) The operation's value and error come back by identity; an instant of one clock never reaches a member on another.
 *  (5) An update forgets no member that may not be evicted; a refused one changes nothing, here or in a member.
 *  (6) Observing, calls run as if it were not there, and keys come and go as they would; off, it does nothing.
 *
 * @module
 */

import { systemClock } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import type { Enforcement, PolicyKind } from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import { type OptionRules, anyFunction, checkOptions, nonEmptyString } from '../../kernel/option-rules.ts';
import { withDefaults } from '../../kernel/options.ts';
import type { Policy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import type { KeyedSettings } from './keyed-call.ts';
import { type Keyed, KeyedPolicy, limitRules } from './keyed-policy.ts';
import type { MembersLimits } from './members.ts';

export { type Keyed, type KeyedChanges, type KeyedSnapshot, type MemberChangesOf } from './keyed-policy.ts';
export {
  type EvictionReason,
  type KeyedCreatedEvent,
  type KeyedEvictedEvent,
  type KeyedScatteredEvent,
} from './key-events.ts';

/** Options of {@link keyed}. Omitted ones take {@link keyedDefaults}. */
export interface KeyedOptions<P extends Policy<unknown> = Policy<unknown>> extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'keyed' */
  readonly name?: string;
  /**
   * Reads the key of a call off its context. Synchronous. If it throws, or returns anything but a non-empty string, that is
   * reported and the call runs under the key `''`.
   */
  readonly keyOf: (context: Context) => string;
  /**
   * Makes the policy of a key; `name` is `<name>/<key>`. Called once at creation, for the overflow member `__other__`. If
   * it throws later, that is reported and the call runs under the overflow member. A new policy each time: once it is
   * forgotten and no call runs under it, it is disposed of, if it has `Symbol.dispose`.
   */
  readonly make: (key: string, name: string) => P;
  /** Members that may live at once, the overflow member not counted. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxKeys?: number;
  /**
   * Time without a running call after which a member may be forgotten. Milliseconds, 1 to Infinity; Infinity forgets only
   * when a place is needed. @defaultValue 600_000
   */
  readonly idleMs?: number;
  /**
   * `enforce` runs each call under its member; `observe` makes and forgets members just so, and runs the calls outside of
   * them; `off` does nothing. @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** Every default of {@link keyed}, in one place. */
export const keyedDefaults: DefaultsOf<KeyedOptions, 'keyOf' | 'make'> = Object.freeze({
  name: 'keyed',
  maxKeys: 10_000,
  idleMs: 600_000,
  enforcement: 'enforce',
  clock: systemClock,
});

/** What the options of {@link keyed} may be. */
export const keyedRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  keyOf: anyFunction,
  make: anyFunction,
  ...limitRules,
});

/**
 * Creates a policy that runs each call under the policy of its key. The members are shared by all calls through this
 * instance.
 *
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws TypeError at creation, when `make` does not return a policy.
 * @throws what `make` throws at creation, where it is called for the overflow member.
 * @throws the errors of the member and of the operation from execute, unchanged.
 *
 * @example
 * ```ts
 * const host = contextKey<string>('host');
 * const hosts = keyed({ name: 'hosts', keyOf: (context) => context.value(host) ?? '', make: (_key, name) => circuitBreaker({ name }) });
 * ```
 */
export function keyed<P extends Policy<unknown>>(options: KeyedOptions<P>): Keyed<P> {
  const { settings, limits } = resolve(options);
  return new KeyedPolicy(settings, limits);
}

/** The kind of policy that {@link keyed} makes, for configuration. JSON cannot hold its two functions. */
export const keyedKind: PolicyKind = Object.freeze({
  kind: 'keyed',
  rules: keyedRules,
  required: Object.freeze(['keyOf', 'make']),
  defaults: keyedDefaults,
  create: keyed,
});

// --- internal ---

interface Resolved<P extends Policy<unknown>> {
  readonly settings: KeyedSettings<P>;
  readonly limits: MembersLimits;
}

function resolve<P extends Policy<unknown>>(options: KeyedOptions<P>): Resolved<P> {
  const resolved = withDefaults('keyed', keyedDefaults, options, ['keyOf', 'make']);
  checkOptions('keyed', keyedRules, resolved);
  const { name, keyOf, make, maxKeys, idleMs, enforcement, clock, events = silence } = resolved;
  return { settings: { name, keyOf, make, clock, events }, limits: { maxKeys, idleMs, enforcement } };
}
