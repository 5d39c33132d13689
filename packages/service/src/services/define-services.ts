/**
 * Define services: what a service is made of (configuration, clients), each made once, typed, and disposed of in reverse order.
 *
 * It lives as long as the process; a request's context lives as long as the request. Handlers take both, side by side:
 * `(context, services) => ...`. A context among the services would outlive its request, so it is refused.
 *
 * Invariants
 *  (1) A service is made at most once at a time, when it is first used, or by `start` if it is eager; what failed is made anew.
 *  (2) It can use only those that were defined before it: there are no circles.
 *  (3) Services are disposed of in reverse order of their being made, each once, whatever the others do.
 *  (4) Values that were handed in are left to who made them.
 *
 * @module
 */

import { ConfigError, type Context, isFunction, isName, withKnown } from '@holdfast/core';

import { type ServiceSpec, MadeServices } from './made-services.ts';

/** How a service is kept. */
export interface ServiceSettings<T> {
  /** Frees it. By default its own `Symbol.asyncDispose` or `Symbol.dispose` does, where it has one. */
  readonly dispose?: (service: Awaited<T>) => unknown;
  /** Whether `start` makes it, in place of its first use. @defaultValue false */
  readonly isEager?: boolean;
}

/** A name that is not taken yet. */
export type NewName<N extends string, S> = N extends keyof S ? never : N;

/** Services with one more. */
export type WithService<S, N extends string, T> = S & { readonly [K in N]: T };

/** Services that are being defined. Each step returns a new definition; the one before can still be used. */
export interface ServiceDefinition<S extends object> {
  /** Adds what is there already. It is not disposed of. */
  value<N extends string, T>(name: NewName<N, S>, value: T): ServiceDefinition<WithService<S, N, T>>;
  /** Adds what is made by `make`, of those that were added before. If that is a promise, users of the service await it. */
  add<N extends string, T>(
    name: NewName<N, S>,
    make: (services: S) => T,
    settings?: ServiceSettings<T>,
  ): ServiceDefinition<WithService<S, N, T>>;
  /** Makes a container. Nothing in it is made yet. */
  build(): ServiceContainer<S>;
}

/** Services of one process. */
export interface ServiceContainer<S extends object> extends AsyncDisposable {
  /** The services by name. Reading one makes it, if it is not there. */
  readonly services: S;
  /** Makes the eager services, one after the other. If one fails, all are disposed of, and its error comes back unchanged. */
  start(context?: Context): Promise<void>;
  /** Disposes of all, the last that was made first; those that are being made as soon as they are there. Idempotent. */
  dispose(context?: Context): Promise<void>;
}

/**
 * Begins a definition of services.
 *
 * @throws ConfigError from value and add, when a name is taken, or an argument is none; from a service, when its value is a context.
 * @throws ServicesDisposedError from a service, when they have been disposed of.
 * @throws DisposeFailedError from dispose, when a service could not be disposed of; the others were.
 *
 * @example
 * ```ts
 * await using container = defineServices()
 *   .value('config', config)
 *   .add('pool', ({ config }) => new Pool(config.database), { dispose: (pool) => pool.end() })
 *   .add('orders', ({ pool }) => new Orders(pool))
 *   .build();
 * const { services } = container;
 * await services.orders.place(context, order);
 * ```
 */
export function defineServices(): ServiceDefinition<object> {
  return new Definition([]);
}

// --- internal ---

const settingDefaults = { isEager: false };

class Definition<S extends object> implements ServiceDefinition<S> {
  readonly #specs: readonly ServiceSpec[];

  constructor(specs: readonly ServiceSpec[]) {
    this.#specs = specs;
  }

  value<N extends string, T>(name: NewName<N, S>, value: T): ServiceDefinition<WithService<S, N, T>> {
    this.#requireNew(name);
    return this.#with({ name, make: () => value, isEager: false, isOwned: false, dispose: undefined });
  }

  add<N extends string, T>(
    name: NewName<N, S>,
    make: (services: S) => T,
    settings: ServiceSettings<T> = {},
  ): ServiceDefinition<WithService<S, N, T>> {
    this.#requireNew(name);
    isFunction(`services.${name} make`, make);
    const place = `services.${name}`;
    const { isEager, dispose } = withKnown(place, settingDefaults, settings, ['dispose']);
    if (typeof isEager !== 'boolean') throw new ConfigError(`${place}.isEager`, 'true or false', isEager);
    if (dispose !== undefined) isFunction(`${place}.dispose`, dispose);
    return this.#with({
      name,
      make,
      isEager,
      isOwned: true,
      dispose,
    });
  }

  build(): ServiceContainer<S> {
    return new MadeServices(this.#specs) as ServiceContainer<object> as ServiceContainer<S>;
  }

  // --- internal ---

  #with<N extends string, T>(spec: ServiceSpec): ServiceDefinition<WithService<S, N, T>> {
    return new Definition<WithService<S, N, T>>([...this.#specs, spec]);
  }

  #requireNew(name: string): void {
    isName('services name', name);
    if (name === 'then') throw new ConfigError('services name', "another than 'then', which promises have", name);
    if (this.#specs.some((other) => other.name === name))
      throw new ConfigError('services name', 'unique among the services', name); // (2)
  }
}
