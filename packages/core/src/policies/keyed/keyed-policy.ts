/**
 * Keyed policy: what a keyed policy is to those who hold it: its members by key, its limits, and how both are changed.
 *
 * @module
 */

import type { Clock } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import {
  type Describable,
  type Enforcement,
  type HasAlternatives,
  type PolicyDescription,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { type Layer, type Operation, invoke } from '../../kernel/handler.ts';
import { type OptionRules, checkOptions, integerFrom, numberFrom, oneOfStrings } from '../../kernel/option-rules.ts';
import { withKnown } from '../../kernel/options.ts';
import type { SubstituteOf } from '../../kernel/pipeline.ts';
import {
  NO_TAPS,
  type PipelineTap,
  type PlacedTap,
  type TapHolder,
  TapStage,
  TapSwitch,
  type TappablePart,
  attachTap,
} from '../../kernel/pipeline-tap.ts';
import { type LayeredPolicy, type Policy, Runner, execute, wrap } from '../../kernel/policy.ts';
import { type Stage, type StageLayer, invocation, layerOfStages, stageOf } from '../../kernel/stage.ts';
import { TapRunner } from '../../kernel/tap-runner.ts';
import { updatable } from '../../kernel/update-plan.ts';
import type { EvictionReason } from './key-events.ts';
import { type KeyedSettings, routeByKey } from './keyed-call.ts';
import { Members, type MembersLimits, OVERFLOW_KEY } from './members.ts';
import { stageUnderTaps } from './tapped-members.ts';

/** What {@link Keyed.update} may change. */
export interface KeyedChanges {
  readonly maxKeys?: number;
  readonly idleMs?: number;
  readonly enforcement?: Enforcement;
}

/** What the members of a keyed policy may change. */
export type MemberChangesOf<P> = P extends Updatable<infer C> ? C : never;

/** What the limits of a keyed policy may be. */
export const limitRules: OptionRules = Object.freeze({
  maxKeys: integerFrom(1, 1_000_000),
  idleMs: numberFrom(1, Infinity),
  enforcement: oneOfStrings(...enforcements),
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
  /** Members forgotten, unasked, with fewer than 10 calls in their life. Most of them: the keys are too fine. */
  readonly withFewCalls: number;
}

/** One policy per key. Iterates over its members, as `[key, policy]`. */
export interface Keyed<P extends Policy<unknown> = Policy<unknown>>
  extends
    LayeredPolicy<SubstituteOf<readonly [P]>>,
    Iterable<readonly [string, P]>,
    Updatable<KeyedChanges>,
    Describable,
    HasAlternatives,
    Disposable {
  /** Serves the keys that find no room. It is always there, and not among the members. */
  readonly overflow: P;
  /** Members that have a place. */
  readonly size: number;
  /** Keys that have a member. */
  keys(): readonly string[];
  /** Returns the member of `key`, or undefined; it makes none. Calls made straight on it do not keep it from eviction. */
  get(key: string): P | undefined;
  /** Forgets the member of `key`. Returns false if it has none, or one with a running call or a circuit that is not closed. */
  evict(key: string): boolean;
  /**
   * Forgets the member of `key`, whatever its state; its calls go on, and it is disposed of with the last of them. Returns
   * false if the key has none.
   */
  delete(key: string): boolean;
  /**
   * Changes options of all members, of the overflow, and of every member that is made from now on.
   *
   * @throws what `planUpdate` of a member throws; then nothing changes.
   * @throws TypeError when a member has no `planUpdate`; then nothing changes.
   */
  updateEach(changes: MemberChangesOf<P>): void;
  /** Checks changes as `updateEach` does, and returns what makes them; that never throws. */
  planUpdateEach(changes: MemberChangesOf<P>): () => void;
  /** The overflow and the members that there are: a call goes through one of them. */
  alternatives(): readonly P[];
  /**
   * Has `tap` put layers around the calls that come to this, and between the policies of the members that they run under, for
   * calls that start from now on; those made straight on a member are not seen. Returns what takes them out again. It is heard
   * wherever this is called, also as part of a pipeline or as a member of another keyed policy.
   *
   * @throws TypeError when it is no tap.
   */
  tapWith(tap: PipelineTap): () => void;
  /**
   * Forgets all members, as `delete` does, and makes none any more: calls run under the overflow, which is disposed of as
   * soon as none does.
   */
  dispose(): void;
  /** What it holds now. */
  snapshot(): KeyedSnapshot;
}

/** A keyed policy. */
export class KeyedPolicy<P extends Policy<unknown>> implements Keyed<P>, TappablePart, TapHolder {
  private readonly settings: KeyedSettings<P>;
  private readonly members: Members<P>;
  private readonly changing: Updatable<KeyedChanges>;
  taps: readonly PipelineTap[] = NO_TAPS;
  private readonly runner: Runner;
  /** With the layers of taps, while there are some. */
  tapped: TapRunner | undefined = undefined;

  constructor(settings: KeyedSettings<P>, limits: MembersLimits) {
    this.settings = settings;
    this.members = new Members(settings, limits);
    this.changing = changingOf(settings.name, this.members);
    const { members } = this;
    const handler = routeByKey(settings, { members, handlers: members.handlers, inner: invoke });
    this.runner = new Runner(stageOf(handler), settings.clock);
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
    return layerOfStages(this.stagesUnder([]));
  }

  stagesUnder(taps: readonly PlacedTap[]): StageLayer {
    return (inner) => new TapStage(new TapSwitch(this, (all) => this.fuse(all, inner), taps));
  }

  tapWith(tap: PipelineTap): () => void {
    return attachTap(this, tap);
  }

  get size(): number {
    return this.members.look().size;
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T | SubstituteOf<readonly [P]>> {
    return execute(this.taps === NO_TAPS ? this.runner : this.runnerOfNow(), operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T | SubstituteOf<readonly [P]>> {
    return wrap<SubstituteOf<readonly [P]>, This, Arguments, T>(this, fn);
  }

  keys(): readonly string[] {
    return [...this.members.look().keys()];
  }

  get(key: string): P | undefined {
    if (key === OVERFLOW_KEY) return this.overflow;
    return this.members.look().get(key)?.policy;
  }

  evict(key: string): boolean {
    return this.members.evict(key);
  }

  delete(key: string): boolean {
    return this.members.delete(key);
  }

  update(changes: KeyedChanges): void {
    this.changing.update(changes);
  }

  planUpdate(changes: KeyedChanges): () => void {
    return this.changing.planUpdate(changes);
  }

  updateEach(changes: MemberChangesOf<P>): void {
    this.planUpdateEach(changes)();
  }

  planUpdateEach(changes: MemberChangesOf<P>): () => void {
    const { members } = this;
    const given = withKnown('keyed.updateEach', {}, changes as object, Object.keys(Object(changes)));
    return members.changes.plan(given, this.name, () => [members.overflow, ...members.byKey.values()]); // (5)
  }

  describe(): PolicyDescription {
    const { maxKeys, idleMs, enforcement } = this.members.limits;
    const member = (this.overflow as Partial<Describable>).describe?.();
    return {
      kind: this.kind,
      name: this.name,
      enforcement,
      options: { keyOf: '[function]', make: '[function]', maxKeys, idleMs, ...(member !== undefined && { member }) },
      traits: enforcement === 'enforce' ? { maxRuns: Infinity, runsOtherCode: true } : {}, // `alternatives` tell more
    };
  }

  snapshot(): KeyedSnapshot {
    const { size } = this.members.look();
    const { running, calls, created, evicted, overflowed, scatter, limits } = this.members;
    const { maxKeys } = limits;
    return {
      size,
      maxKeys,
      running,
      calls,
      created,
      evicted: { ...evicted },
      overflowed,
      withFewCalls: scatter.few,
    };
  }

  alternatives(): readonly P[] {
    return [this.overflow, ...[...this.members.byKey.values()].map(({ policy }) => policy)]; // whoever only looks evicts nobody
  }

  dispose(): void {
    this.members.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  [Symbol.iterator](): Iterator<readonly [string, P]> {
    const entries = [...this.members.look().values()].map(({ key, policy }) => [key, policy] as const);
    return entries.values(); // a copy: calls made meanwhile may come with new keys
  }

  private runnerOfNow(): Runner {
    this.tapped ??= new TapRunner(this, this.runner, (taps) => this.fuse(taps, invocation));
    return this.tapped.now();
  }

  private fuse(taps: readonly PlacedTap[], inner: Stage): Stage {
    const { settings, members } = this;
    return stageUnderTaps({ within: this, settings, members, taps }, inner);
  }
}

// --- internal ---

function changingOf<P extends Policy<unknown>>(name: string, members: Members<P>): Updatable<KeyedChanges> {
  return updatable({
    name,
    resolve: (changes: KeyedChanges): MembersLimits => {
      const { maxKeys, idleMs, enforcement } = members.limits;
      const next = withKnown('keyed.update', { maxKeys, idleMs, enforcement }, changes);
      checkOptions('keyed', limitRules, next);
      return { maxKeys: next.maxKeys, idleMs: next.idleMs, enforcement: next.enforcement };
    },
    apply: (limits) => members.change(limits), // (5)
  });
}
