/**
 * Registry: the policies of one application by kind and name, and the ports that they share.
 *
 * Make one at start-up and hand it to what exports metrics or serves an admin page. There is no global registry.
 *
 * Invariants
 *  (1) A kind and a name together belong to one policy at a time.
 *  (2) Policies created here share the registry's clock, randomness and events, unless their options say otherwise.
 *  (3) What was removed is not retained.
 *  (4) `update` changes all the policies that it names, or none; a change that throws where it must not keeps no other back.
 *  (5) A watch that throws, adds or removes keeps no other from hearing of all that comes and goes, once and in order.
 *
 * @module
 */

import type { CircuitStore } from '../kernel/circuit-store.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { HasAlternatives, Updatable } from '../kernel/description.ts';
import { type Events, createEvents } from '../kernel/events.ts';
import { ConfigError, isStoreOrAbsent, withDefaults } from '../kernel/options.ts';
import { type Pipeline, type SubstituteOf, pipeline } from '../kernel/pipeline.ts';
import type { NamedPolicy, Policy } from '../kernel/policy.ts';
import { type PolicyPorts, portNames } from '../kernel/ports.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import { takeSteps } from './steps.ts';
import { type RegistryWatch, Watches } from './watches.ts';

/** Options of {@link createRegistry}: the ports of the policies that it creates. */
export interface RegistryOptions extends PolicyPorts {}

/** Every default of {@link createRegistry}, in one place. A registry makes its own events. */
export const registryDefaults: { readonly clock: Clock; readonly random: Random } = Object.freeze({
  clock: systemClock,
  random: systemRandom,
});

/** Options of a policy, its name included, without the short forms that a factory may take in their place. */
export type NamedOptions<O> = Exclude<O, number | undefined> & { readonly name: string };

/** New options for one policy of a registry. */
export interface PolicyChange {
  readonly kind: string;
  readonly name: string;
  /** The options to change, as the policy's own `update` takes them. */
  readonly changes: object;
}

/** The policies of one application. */
export interface Registry extends Iterable<NamedPolicy<unknown>> {
  /** What all policies created here tell. */
  readonly events: Events;
  readonly clock: Clock;
  /** Where its circuits are shared with other processes; undefined where they are not. */
  readonly store: CircuitStore | undefined;
  /** The ports that it hands to the policies that it creates. */
  readonly ports: PolicyPorts;
  /**
   * Creates a policy with the registry's ports and adds it. A factory with a type parameter needs its argument:
   * `create(fallback<number>, ...)`.
   */
  create<O, P extends NamedPolicy<unknown>>(factory: (options: O) => P, options: NamedOptions<NoInfer<O>>): P;
  /** Composes policies, outermost first, into a pipeline called `name` and adds it. The policies themselves are not added. */
  pipeline<P extends readonly Policy<unknown>[]>(name: string, ...policies: P): Pipeline<SubstituteOf<P>>;
  /** Adds a policy that was made elsewhere. Returns it. */
  add<P extends NamedPolicy<unknown>>(policy: P): P;
  /** Returns the policy of that kind and name, or undefined. */
  get(kind: string, name: string): NamedPolicy<unknown> | undefined;
  /** Forgets a policy. Its calls go on. Returns whether it was here. */
  remove(policy: NamedPolicy<unknown>): boolean;
  /**
   * Tells `watch` of the policies that are here, and from then on of each that comes or goes. What it throws is reported;
   * what it adds or removes itself is told when all have heard what came before. Returns what ends that.
   */
  watch(watch: RegistryWatch): () => void;
  /**
   * Changes options of several policies while calls run through them. Name each policy once.
   *
   * @throws TypeError when one is not here or cannot be changed; then nothing changes.
   * @throws ConfigError when an option is out of range; then nothing changes.
   */
  update(changes: readonly PolicyChange[]): void;
  /**
   * Resets every policy that has a `reset`, those in pipelines and those per key included, each once: for tests, and after an outage. Calls under
   * way go on.
   */
  resetAll(): void;
}

/**
 * Creates an empty registry.
 *
 * @throws TypeError from create, pipeline and add, when the kind and name are taken.
 *
 * @example
 * ```ts
 * const registry = createRegistry();
 * const breaker = registry.create(circuitBreaker, { name: 'prices' });
 * const prices = registry.pipeline('prices', retry(), breaker, timeout(300));
 * ```
 */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const { clock, random, events, captureAsyncContext, store } = withDefaults('registry', registryDefaults, options);
  isStoreOrAbsent('registry.store', store);
  return new PolicyTable({
    clock,
    random,
    events: events ?? createEvents(),
    ...(captureAsyncContext !== undefined && { captureAsyncContext }),
    ...(store !== undefined && { store }),
  });
}

// --- internal ---

type Ports = PolicyPorts & Required<Omit<PolicyPorts, 'captureAsyncContext' | 'store'>>;

class PolicyTable implements Registry {
  readonly #ports: Ports;
  readonly #policies = new Map<string, NamedPolicy<unknown>>();
  readonly #watches = new Watches();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  get events(): Events {
    return this.#ports.events;
  }

  get clock(): Clock {
    return this.#ports.clock;
  }

  get store(): CircuitStore | undefined {
    return this.#ports.store;
  }

  get ports(): PolicyPorts {
    return { ...this.#ports }; // (2)
  }

  create<O, P extends NamedPolicy<unknown>>(factory: (options: O) => P, options: NamedOptions<NoInfer<O>>): P {
    if (typeof options !== 'object' || options === null)
      throw new ConfigError('registry.create', 'given options with a name', options);
    const own = options as PolicyPorts;
    const ports: Record<string, unknown> = { ...this.#ports };
    for (const port of portNames) {
      if (own[port] !== undefined) ports[port] = own[port];
    }
    return this.add(factory({ ...options, ...ports })); // (2)
  }

  pipeline<P extends readonly Policy<unknown>[]>(name: string, ...policies: P): Pipeline<SubstituteOf<P>> {
    return this.add(pipeline({ name }, ...policies));
  }

  add<P extends NamedPolicy<unknown>>(policy: P): P {
    const key = keyOf(policy.kind, policy.name);
    if (this.#policies.has(key))
      throw new TypeError(`the registry has a ${policy.kind} named "${policy.name}" already`); // (1)
    this.#policies.set(key, policy);
    this.#watches.tell('added', policy);
    return policy;
  }

  get(kind: string, name: string): NamedPolicy<unknown> | undefined {
    return this.#policies.get(keyOf(kind, name));
  }

  remove(policy: NamedPolicy<unknown>): boolean {
    const key = keyOf(policy.kind, policy.name);
    if (this.#policies.get(key) !== policy) return false;
    this.#policies.delete(key); // (3)
    this.#watches.tell('removed', policy);
    return true;
  }

  watch(watch: RegistryWatch): () => void {
    return this.#watches.add(watch, this); // (5)
  }

  update(changes: readonly PolicyChange[]): void {
    const named = new Set<string>();
    const plans = changes.map((change) => {
      const key = keyOf(change.kind, change.name);
      if (named.has(key)) throw new TypeError(`the ${change.kind} named "${change.name}" is to be changed twice`);
      named.add(key);
      return this.#plan(change);
    });
    takeSteps(plans); // (4)
  }

  resetAll(): void {
    const seen = new Set<unknown>();
    for (const policy of this) resetOnce(policy, seen);
  }

  [Symbol.iterator](): Iterator<NamedPolicy<unknown>> {
    return this.#policies.values();
  }

  #plan({ kind, name, changes }: PolicyChange): () => void {
    const policy = this.get(kind, name);
    if (policy === undefined) throw new TypeError(`the registry has no ${kind} named "${name}"`);
    const target = policy as Partial<Updatable>;
    if (target.planUpdate === undefined) throw new TypeError(`a ${kind} cannot be changed while it runs`);
    return target.planUpdate(changes);
  }
}

function resetOnce(policy: Policy<unknown>, seen: Set<unknown>): void {
  if (seen.has(policy)) return;
  seen.add(policy);
  const { policies, reset } = policy as { readonly policies?: readonly Policy<unknown>[]; readonly reset?: unknown };
  if (typeof reset === 'function') reset.call(policy);
  const alternatives = (policy as Partial<HasAlternatives>).alternatives?.();
  for (const member of [...(policies ?? []), ...(alternatives ?? [])]) resetOnce(member, seen);
}

function keyOf(kind: string, name: string): string {
  return `${kind}/${name}`;
}
