/**
 * Made services: a `ServiceContainer` at work.
 *
 * @module
 */

import {
  ConfigError,
  Context,
  RejectionError,
  ResilienceError,
  nameErrorClass,
  systemClock,
  requireContext,
  callHook,
  within,
} from '@holdfast/core';

/** One service as it was defined. */
export interface ServiceSpec {
  readonly name: string;
  readonly make: (services: never) => unknown;
  readonly isEager: boolean;
  /** Whether the container made it, and so must dispose of it. */
  readonly isOwned: boolean;
  readonly dispose: ((service: never) => unknown) | undefined;
}

/** The services have been disposed of, and are not made any more. */
export class ServicesDisposedError extends RejectionError {
  readonly code = 'SERVICES_DISPOSED';

  constructor(name: string) {
    super(`the services have been disposed of: there is no ${name} any more`);
  }
}

/** Some services could not be disposed of. The others were. */
export class DisposeFailedError extends ResilienceError {
  readonly code = 'DISPOSE_FAILED';
  /** What went wrong, in the order in which they were disposed of. */
  readonly failures: readonly { readonly name: string; readonly error: unknown }[];

  constructor(failures: DisposeFailedError['failures']) {
    super(`could not dispose of ${failures.map(({ name }) => name).join(', ')}`, { cause: failures[0]?.error });
    this.failures = failures;
  }
}

/** A container. */
export class MadeServices implements AsyncDisposable {
  readonly services: object;
  readonly #specs: readonly ServiceSpec[];
  /** What was made, or is being made: a value or a promise, by name. */
  readonly #made = new Map<string, unknown>();
  readonly #making = new Set<string>();
  /** Owned services that are there, in the order in which they came. */
  readonly #order: { readonly spec: ServiceSpec; readonly service: unknown }[] = [];
  readonly #pending = new Map<string, Promise<unknown>>();
  #disposing: Promise<void> | undefined = undefined;
  #isDisposed = false;

  constructor(specs: readonly ServiceSpec[]) {
    this.#specs = specs;
    const services: object = Object.create(null) as object;
    for (const spec of specs)
      Object.defineProperty(services, spec.name, { get: () => this.#get(spec), enumerable: true });
    this.services = Object.freeze(services);
  }

  async start(context: Context = Context.background): Promise<void> {
    requireContext('services.start', context);
    try {
      for (const spec of this.#specs.filter(({ isEager }) => isEager)) {
        context.throwIfCancelled();
        const ending = await within(() => this.#get(spec), { clock: systemClock, context });
        if (ending.kind === 'failed') throw ending.error;
        if (ending.kind === 'late') throw ending.cause;
      }
    } catch (error) {
      await this.#disposeAfterStart(context);
      throw error;
    }
  }

  async dispose(context: Context = Context.background): Promise<void> {
    requireContext('services.dispose', context);
    this.#disposing ??= this.#disposeAll(context, context);
    await this.#disposing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  // --- internal ---

  #get(spec: ServiceSpec): unknown {
    const { name } = spec;
    if (this.#isDisposed) throw new ServicesDisposedError(name);
    if (this.#made.has(name)) return this.#made.get(name);
    if (this.#disposing !== undefined) throw new ServicesDisposedError(name);
    if (this.#making.has(name)) throw new ConfigError(`services.${name}`, 'made of others than itself', name);
    this.#making.add(name);
    try {
      const service = spec.make(this.services as never);
      requireNoContext(name, service);
      if (isThenable(service)) return this.#await(spec, service);
      this.#keep(spec, service);
      this.#made.set(name, service);
      return service;
    } finally {
      this.#making.delete(name);
    }
  }

  #await(spec: ServiceSpec, coming: PromiseLike<unknown>): unknown {
    const { name } = spec;
    const settled = this.#arrive(spec, coming).catch((error: unknown) => {
      this.#pending.delete(name);
      this.#made.delete(name); // the next to ask tries again
      throw error;
    });
    settled.catch(() => {}); // whoever asked for it has this promise as well
    this.#made.set(name, settled);
    this.#pending.set(name, settled);
    return settled;
  }

  async #arrive(spec: ServiceSpec, coming: PromiseLike<unknown>): Promise<unknown> {
    const service = await coming;
    this.#pending.delete(spec.name);
    requireNoContext(spec.name, service);
    if (this.#isDisposed) {
      callHook('dispose', spec.name, () => disposeOf(spec, service)); // nobody waited for it so long
      throw new ServicesDisposedError(spec.name);
    }
    this.#keep(spec, service);
    return service;
  }

  #keep(spec: ServiceSpec, service: unknown): void {
    if (spec.isOwned) this.#order.push({ spec, service });
  }

  /** After a start that failed, whose error is what matters: waits no longer for what is being made than the start may. */
  async #disposeAfterStart(start: Context): Promise<void> {
    const limit = Context.background.withTimeout(DISPOSE_MS);
    const making = start.withTimeout(DISPOSE_MS);
    this.#disposing ??= this.#disposeAll(limit, making);
    await this.#disposing.catch(() => {});
    limit.cancel();
    making.cancel();
  }

  /** Disposes of all until `context` ends; waits for what is being made until `making` does. */
  async #disposeAll(context: Context, making: Context): Promise<void> {
    const failures: { name: string; error: unknown }[] = [];
    for (const [name, coming] of this.#pending) {
      const ending = await within(() => coming, { clock: systemClock, context: making });
      if (ending.kind === 'late') failures.push({ name, error: ending.cause });
    }
    for (let made = this.#order.pop(); made !== undefined; made = this.#order.pop()) {
      const { spec, service } = made;
      const ending = await within(() => disposeOf(spec, service), { clock: systemClock, context });
      if (ending.kind === 'failed') failures.push({ name: spec.name, error: ending.error });
      if (ending.kind === 'late') failures.push({ name: spec.name, error: ending.cause });
    }
    this.#isDisposed = true;
    if (failures.length > 0) throw new DisposeFailedError(failures);
  }
}

// --- internal ---

/** How long disposing may take where a start has failed, and nobody has said. Milliseconds. */
const DISPOSE_MS = 5000;

nameErrorClass(ServicesDisposedError, 'ServicesDisposedError');
nameErrorClass(DisposeFailedError, 'DisposeFailedError');

function disposeOf({ dispose }: ServiceSpec, service: unknown): unknown {
  if (dispose !== undefined) return dispose(service as never);
  if ((typeof service !== 'object' && typeof service !== 'function') || service === null) return undefined;
  const own = service as Partial<AsyncDisposable & Disposable>;
  if (typeof own[Symbol.asyncDispose] === 'function') return own[Symbol.asyncDispose]?.();
  return own[Symbol.dispose]?.();
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A context among the services would outlive its request, or end them all with it. */
function requireNoContext(name: string, value: unknown): void {
  const { remainingMs, onCancel } = (value ?? {}) as Partial<Context>;
  if (typeof remainingMs === 'function' && typeof onCancel === 'function')
    throw new ConfigError(`services.${name}`, "made for the whole process; a request's context is none", value);
}
