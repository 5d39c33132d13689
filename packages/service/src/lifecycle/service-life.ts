/**
 * Service life: a {@link Lifecycle} at work.
 *
 * @module
 */

import {
  type Clock,
  CancelledError,
  ConfigError,
  Context,
  type Events,
  isName,
  withKnown,
  requireContext,
  callHook,
  type Ending,
  within,
  tellEvent,
} from '@holdfast/core';

import { Deferred } from '../ports/deferred.ts';
import type { Component } from './component.ts';
import type { LifecycleNews, LifecycleState } from './lifecycle-event.ts';
import { ProcessWatch } from './process-watch.ts';
import type { ProcessPort } from './process-port.ts';
import { startOrder } from './start-order.ts';
import { StartFailedError, type StopReason, type StopReport } from './stop-report.ts';
import { stopComponents } from './stopping.ts';

/** Options, checked and completed. */
export interface LifeSettings {
  readonly name: string;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly notReadyForMs: number;
  readonly fatalTimeoutMs: number;
  readonly signals: readonly string[];
  readonly signalEchoMs: number;
  readonly process?: ProcessPort;
  readonly onFatal?: (error: unknown, origin: string) => unknown;
  readonly clock: Clock;
  readonly events?: Events;
}

interface FailedStart {
  readonly component: string;
  readonly error: unknown;
}

/** A lifecycle. */
export class ServiceLife implements AsyncDisposable {
  readonly #stopped = new Deferred<StopReport>();
  readonly #settings: LifeSettings;
  readonly #watch: ProcessWatch;
  readonly #components: Component[] = [];
  /** In the order in which they were started. */
  readonly #started: Component[] = [];
  #state: LifecycleState = 'new';
  #hasStarted = false;
  #stopping: Promise<StopReport> | undefined = undefined;
  #starting: Promise<FailedStart | undefined> | undefined = undefined;
  #breakOff: ((cause: unknown) => void) | undefined = undefined;

  constructor(settings: LifeSettings) {
    this.#settings = settings;
    this.#watch = new ProcessWatch({
      ...settings,
      onStop: (reason) => this.#stop(reason),
      onForced: (signal, exitCode) => this.#tell({ type: 'lifecycle.forced', signal, exitCode }),
    });
  }

  get state(): LifecycleState {
    return this.#state;
  }

  get isReady(): boolean {
    return this.#state === 'running';
  }

  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get stopped(): Promise<StopReport> {
    return this.#stopped.promise;
  }

  add(component: Component): this {
    requireComponent(component);
    if (this.#state !== 'new') throw new TypeError(`${component.name} was added when the lifecycle had been started`);
    if (this.#components.some(({ name }) => name === component.name))
      throw new ConfigError('lifecycle.add name', 'unique among the components', component.name);
    this.#components.push(copyOf(component));
    return this;
  }

  async start(context: Context = Context.withClock(this.#settings.clock)): Promise<void> {
    requireContext('lifecycle.start', context);
    if (this.#state !== 'new') throw new TypeError('the lifecycle has been started or stopped before');
    const ordered = startOrder(this.#components);
    this.#state = 'starting';
    this.#watch.begin();
    const own = context.withTimeout(this.#settings.startTimeoutMs);
    this.#breakOff = (cause) => own.cancel(cause);
    this.#starting = this.#startAll(ordered, own);
    const failure = await this.#starting;
    own.cancel(new CancelledError('the start is over')); // it was for the start, not for the life of what has started
    if (failure !== undefined) throw await this.#endFailedStart(failure); // (2)
    this.#state = 'running';
    this.#hasStarted = true;
    this.#tell({ type: 'lifecycle.started' });
  }

  stop(why = 'stop() was called'): Promise<StopReport> {
    return this.#stop({ kind: 'asked', text: why });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('the block of the lifecycle was left');
  }

  // --- internal ---

  /** Starts one after the other. Returns what went wrong; never rejects. */
  async #startAll(ordered: readonly Component[], context: Context): Promise<FailedStart | undefined> {
    for (const component of ordered) {
      const { name } = component;
      const ending = await this.#startOne(component, context);
      if (ending.kind === 'failed') return { component: name, error: ending.error };
      if (ending.kind === 'late' || context.cancelled) return { component: name, error: context.cause };
    }
    return undefined;
  }

  async #startOne(component: Component, context: Context): Promise<Ending<unknown>> {
    const { clock } = this.#settings;
    const begunAt = clock.now();
    const start = Promise.resolve(context).then((own) => component.start?.(own));
    const ending = await within(() => start, { clock, context });
    const end = ending.kind === 'late' ? await this.#endOfStart(component, start) : ending;
    if (end.kind !== 'done') return ending;
    this.#started.push(component);
    const { name } = component;
    this.#tell({ type: 'lifecycle.component-started', component: name, durationMs: clock.now() - begunAt });
    return ending;
  }

  /** A start that is broken off may take a moment to heed that: what it uses is closed after it, then. */
  #endOfStart(component: Component, start: Promise<unknown>): Promise<Ending<unknown>> {
    const { clock, stopTimeoutMs } = this.#settings;
    const context = Context.withClock(clock).withTimeout(Math.min(stopTimeoutMs * HEED_RATIO, MAX_HEED_MS));
    return within(() => start, { clock, context, onLate: () => this.#closeLate(component) });
  }

  async #endFailedStart({ component, error }: FailedStart): Promise<StartFailedError> {
    const report = await this.#stop({ kind: 'start-failed', component, error });
    return new StartFailedError(component, error, report);
  }

  /** A start that had been given up has succeeded after all. */
  #closeLate(component: Component): void {
    callHook('close', component.name, () =>
      component.close?.(Context.withClock(this.#settings.clock).withTimeout(this.#settings.fatalTimeoutMs)),
    ); // (1)
  }

  #stop(reason: StopReason): Promise<StopReport> {
    this.#stopping ??= this.#stopOnce(reason); // (3)
    return this.#stopping;
  }

  async #stopOnce(reason: StopReason): Promise<StopReport> {
    const { clock, stopTimeoutMs, fatalTimeoutMs, notReadyForMs } = this.#settings;
    const wasRunning = this.#state === 'running';
    const begunAt = clock.now();
    this.#state = 'stopping';
    this.#tell({ type: 'lifecycle.stopping', reason });
    this.#breakOff?.(new CancelledError('the service is stopping'));
    await this.#starting; // a component that has just started is ended as well
    const isFatal = reason.kind === 'fatal';
    const report = await stopComponents({
      components: [...this.#started],
      clock,
      begunAt,
      reason,
      stopTimeoutMs: isFatal ? Math.min(fatalTimeoutMs, stopTimeoutMs) : stopTimeoutMs,
      notReadyForMs: wasRunning && !isFatal ? notReadyForMs : 0,
      onStep: (step) => this.#tell({ type: 'lifecycle.step-ended', step }),
    });
    this.#state = 'stopped';
    this.#tell({ type: 'lifecycle.stopped', report });
    this.#watch.end(report);
    this.#stopped.resolve(report);
    return report;
  }

  #tell(parts: LifecycleNews): void {
    const { name, events } = this.#settings;
    tellEvent(events, name, () => ({ policy: 'lifecycle', name, ...parts }));
  }
}

// --- internal ---

/** Share of the time for stopping in which a start that is broken off may end by itself. */
const HEED_RATIO = 0.2;

/** The longest such time, however long stopping may take. Milliseconds. */
const MAX_HEED_MS = 5000;

/** The component as it is now: what becomes of the object later changes nothing. */
function copyOf(component: Component): Component {
  const { name, dependsOn } = component;
  const copy: Record<string, unknown> = { name, dependsOn: dependsOn === undefined ? undefined : [...dependsOn] };
  for (const method of methods) if (component[method] !== undefined) copy[method] = component[method].bind(component);
  return copy as unknown as Component;
}

const methods = ['start', 'quiesce', 'drain', 'isIdle', 'close'] as const;

function requireComponent(component: Component): void {
  if (typeof component !== 'object' || component === null)
    throw new ConfigError('lifecycle.add', 'given a component', component);
  isName('lifecycle.add name', component.name);
  const isLiteral = Object.getPrototypeOf(component) === Object.prototype;
  if (isLiteral) withKnown(`lifecycle.${component.name}`, {}, component, ['name', 'dependsOn', ...methods]); // a misspelt close
  for (const method of methods) {
    if (component[method] !== undefined && typeof component[method] !== 'function')
      throw new ConfigError(`lifecycle.${component.name}.${method}`, 'a function', component[method]);
  }
  const { dependsOn } = component;
  const isList = Array.isArray(dependsOn) && dependsOn.every((name) => typeof name === 'string');
  if (dependsOn !== undefined && !isList)
    throw new ConfigError(`lifecycle.${component.name}.dependsOn`, 'names of components', dependsOn);
}
