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
 *
 * @module
 */

import { type Clock, readOnce, systemClock } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import { silence } from '../../kernel/events.ts';
import { type Handler, type Layer, type Operation, type Sink, invoke } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import { inRange, integerInRange, isFunction, isName, withDefaults } from '../../kernel/options.ts';
import type { SubstituteOf } from '../../kernel/pipeline.ts';
import { type LayeredPolicy, type Policy, execute, wrap } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { type EvictionReason, type Member, Members, type MembersSettings, OVERFLOW_KEY } from './members.ts';

export { type EvictionReason, type KeyedCreatedEvent, type KeyedEvictedEvent } from './members.ts';

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
   * it throws later, that is reported and the call runs under the overflow member.
   */
  readonly make: (key: string, name: string) => P;
  /** Members that may live at once, the overflow member not counted. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxKeys?: number;
  /**
   * Time without a running call after which a member may be forgotten. Milliseconds, 1 to Infinity; Infinity forgets only
   * when a place is needed. @defaultValue 600_000
   */
  readonly idleMs?: number;
}

/** Every default of {@link keyed}, in one place. */
export const keyedDefaults: DefaultsOf<KeyedOptions, 'keyOf' | 'make'> = Object.freeze({
  name: 'keyed',
  maxKeys: 10_000,
  idleMs: 600_000,
  clock: systemClock,
});

/** A keyed policy at one instant. */
export interface KeyedSnapshot {
  /** Members that have a place. */
  readonly size: number;
  readonly maxKeys: number;
  /** Calls that run, those of the overflow member included. */
  readonly running: number;
  /** Calls that came since it was created. Divided by `created`: what a member sees in its life. */
  readonly calls: number;
  /** Members made for a key since it was created. */
  readonly created: number;
  /** Members forgotten, by reason. */
  readonly evicted: Readonly<Record<EvictionReason, number>>;
  /** Calls that ran under the overflow member because their key had no place. */
  readonly overflowed: number;
}

/** One policy per key. Iterates over its members, as `[key, policy]`. */
export interface Keyed<P extends Policy<unknown> = Policy<unknown>>
  extends LayeredPolicy<SubstituteOf<readonly [P]>>, Iterable<readonly [string, P]> {
  /** Serves the keys that find no room. It is always there, and not among the members. */
  readonly overflow: P;
  /** Members that have a place: never more than `maxKeys`. */
  readonly size: number;
  /** Keys that have a member. */
  keys(): readonly string[];
  /** Returns the member of `key`, or undefined; it makes none. Calls made straight on it do not keep it from eviction. */
  get(key: string): P | undefined;
  /** Forgets the member of `key`. Returns false if it has none, or one with a running call or a circuit that is not closed. */
  evict(key: string): boolean;
  /** What it holds now. */
  snapshot(): KeyedSnapshot;
}

/**
 * Creates a policy that runs each call under the policy of its key. The members are shared by all calls through this
 * instance.
 *
 * @throws ConfigError at creation, when an option is out of range.
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
  return new KeyedPolicy(resolve(options));
}

// --- internal ---

interface Settings<P extends Policy<unknown>> extends MembersSettings<P> {
  readonly keyOf: (context: Context) => string;
}

function resolve<P extends Policy<unknown>>(options: KeyedOptions<P>): Settings<P> {
  const resolved = withDefaults('keyed', keyedDefaults, options, ['keyOf', 'make']);
  isName('keyed.name', resolved.name);
  isFunction('keyed.keyOf', resolved.keyOf);
  isFunction('keyed.make', resolved.make);
  integerInRange('keyed.maxKeys', resolved.maxKeys, [1, 1_000_000]);
  inRange('keyed.idleMs', resolved.idleMs, [1, Infinity]);
  const { name, keyOf, make, maxKeys, idleMs, clock, events = silence } = resolved;
  return { name, keyOf, make, maxKeys, idleMs, clock, events };
}

class KeyedPolicy<P extends Policy<unknown>> implements Keyed<P> {
  private readonly settings: Settings<P>;
  private readonly members: Members<P>;
  readonly handler: Handler;

  constructor(settings: Settings<P>) {
    this.settings = settings;
    this.members = new Members(settings);
    this.handler = this.layer(invoke);
  }

  get kind(): 'keyed' {
    return 'keyed';
  }

  get name(): string {
    return this.settings.name;
  }

  get clock(): Clock {
    return this.settings.clock;
  }

  get overflow(): P {
    return this.members.overflow.policy;
  }

  get layer(): Layer {
    const { members, settings } = this;
    return (inner) => {
      members.overflow.handlerOf(inner); // so that a layer that throws does so here, and not in a call
      return (operation, context, sink, calledAt) => {
        const key = readKey(settings, context);
        const found = members.byKey.get(key);
        const now = found === undefined ? readOnce(settings.clock, calledAt) : calledAt;
        const member = found === undefined ? members.admit(key, now) : found.enter(); // (1)
        member.handlerOf(inner)(operation, context, new KeyedCall(member, sink), now);
      };
    };
  }

  get size(): number {
    return this.upToDate().size;
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T | SubstituteOf<readonly [P]>> {
    return execute(this, operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T | SubstituteOf<readonly [P]>> {
    return wrap<SubstituteOf<readonly [P]>, This, Arguments, T>(this, fn);
  }

  keys(): readonly string[] {
    return [...this.upToDate().keys()];
  }

  get(key: string): P | undefined {
    if (key === OVERFLOW_KEY) return this.overflow;
    return this.upToDate().get(key)?.policy;
  }

  evict(key: string): boolean {
    return this.members.evict(key);
  }

  snapshot(): KeyedSnapshot {
    const { size } = this.upToDate();
    const { running, calls, created, evicted, overflowed } = this.members;
    return { size, maxKeys: this.settings.maxKeys, running, calls, created, evicted: { ...evicted }, overflowed };
  }

  [Symbol.iterator](): Iterator<readonly [string, P]> {
    const entries = [...this.upToDate().values()].map(({ key, policy }) => [key, policy] as const);
    return entries.values(); // a copy: calls made meanwhile may come with new keys
  }

  /** The members that have a place, without those that have expired. */
  private upToDate(): ReadonlyMap<string, Member<P>> {
    this.members.expire(this.settings.clock.now());
    return this.members.byKey;
  }
}

/** Returns the key of a call; `''` where the user's function gives none. (3) */
function readKey({ keyOf, name }: Pick<Settings<Policy<unknown>>, 'keyOf' | 'name'>, context: Context): string {
  try {
    const key: unknown = keyOf(context);
    if (typeof key === 'string' && key !== '') return key;
    ignoreRejection(key);
    throw new TypeError(`keyOf must return a non-empty string, got ${key === '' ? 'an empty one' : typeof key}`);
  } catch (error) {
    reportHookError('keyOf', error, name);
    return '';
  }
}

/** One call: the sink of its run under its member. */
class KeyedCall<P extends Policy<unknown>> implements Sink {
  readonly member: Member<P>;
  readonly sink: Sink;

  constructor(member: Member<P>, sink: Sink) {
    this.member = member;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.sink.resolve(value, this.member.leave(now)); // (2), (4)
  }

  reject(error: unknown, now: number): void {
    this.sink.reject(error, this.member.leave(now)); // (2), (4)
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, this.member.leave(now)); // (2), (4)
  }
}
