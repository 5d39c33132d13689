/**
 * Pipeline tap: layers between the policies of a pipeline, for whoever wants to see calls at each of them, as tracing does.
 *
 *   tap ─► first policy ─► tap ─► ... ─► last policy ─► tap ─► operation
 *
 * The layers are fused in while the tap is attached; a pipeline without one is what it always was. What is part of the pipeline
 * is tapped with it: the policies of a pipeline in it, and those of the members of a keyed policy, for each member when its key
 * comes. Nothing is attached to members, so nothing stays of one that has gone.
 *
 * Invariants
 *  (1) A tap that throws puts in no layer there, and is reported: the pipeline works as before. So does a layer that throws when
 *      it is fused, or gives no handler.
 *  (2) A call passes the layers of a tap in a gap once, also where the tap is attached to a policy and to one that is part of it.
 *  (3) A call that starts while every tap sleeps goes past all layers. One that has started with them keeps them.
 *  (4) What a tap attaches, takes away or calls while its layers are fused changes nothing but what it says.
 *
 * @module
 */

import type { Context } from './context.ts';
import type { Handler, Layer, Operation, Sink } from './handler.ts';
import { reportHookError } from './hooks.ts';
import { type NamedPolicy, type Policy, stagesOf } from './policy.ts';
import { type Stage, type StageLayer, handlerOf, stageOf } from './stage.ts';

/** Where a layer of a tap stands. */
export interface TapPlace {
  /**
   * The pipeline whose policies the layer is between, or a keyed policy: that is tapped as a pipeline would be that has the member
   * of the key alone, and, where the tap is attached to it, as one that has it alone.
   */
  readonly within: NamedPolicy<unknown>;
  /** Between a keyed policy and a member: the key of that, `__other__` of the overflow. Undefined anywhere else. */
  readonly key: string | undefined;
  /** The place of which `within` is a part; undefined for what the tap is attached to. */
  readonly outside: TapPlace | undefined;
}

/** Puts layers between the policies of a pipeline, and of the pipelines and members that are part of it. */
export interface PipelineTap {
  /**
   * Whether anybody looks: where it says no, calls that start then go past the layers, and cost what they would without. Asked at
   * the start of each call, so it must be quick. Without it a tap is always awake.
   */
  isAwake?(): boolean;
  /**
   * Returns the layer between `outer` and `inner`, or undefined for none. Without `outer` it is that around the first policy
   * of `place.within`; without `inner` that around the operation, or around what is inside of what is part of another. Called when
   * the layers are fused, for the members of a keyed policy whenever one is first needed: keep nothing for each.
   *
   * The layer must keep to the rules of handlers: it reports to its sink exactly once, and never throws.
   */
  layerBetween(
    outer: Policy<unknown> | undefined,
    inner: Policy<unknown> | undefined,
    place: TapPlace,
  ): Layer | undefined;
}

/** A tap, and the place of what it is to be fused into; undefined in what it is attached to. */
export interface PlacedTap {
  readonly tap: PipelineTap;
  readonly outside: TapPlace | undefined;
}

/** A policy that is fused anew for taps, as what it is part of asks. */
export interface TappablePart {
  /** Its stages with the layers of `taps` between them. */
  stagesUnder(taps: readonly PlacedTap[]): StageLayer;
}

/** What taps are attached to. The list is replaced with each change. */
export interface TapHolder {
  taps: readonly PipelineTap[];
  /** What was made of the layers of taps. It is dropped with each that goes, so that nothing of that is kept. */
  tapped: object | undefined;
}

/** What nothing is attached to. */
export const NO_TAPS: readonly PipelineTap[] = Object.freeze([]);

/**
 * Attaches a tap. Returns what takes it away again.
 *
 * @throws TypeError when it is none.
 */
export function attachTap(holder: TapHolder, tap: PipelineTap): () => void {
  if (typeof (tap as PipelineTap | null | undefined)?.layerBetween !== 'function')
    throw new TypeError('tapWith needs a tap: an object with layerBetween');
  holder.taps = [...holder.taps, tap];
  let isAttached = true;
  return () => {
    if (!isAttached) return;
    isAttached = false;
    const at = holder.taps.lastIndexOf(tap);
    holder.taps = holder.taps.length === 1 ? NO_TAPS : holder.taps.toSpliced(at, 1);
    holder.tapped = undefined;
  };
}

/** Returns what makes the stages of a policy, with the layers of taps between what it is made of, if that is anything. */
export function stagesUnder(policy: Policy<unknown>, taps: readonly PlacedTap[]): StageLayer {
  const part = policy as Policy<unknown> & Partial<TappablePart>;
  return typeof part.stagesUnder === 'function' ? part.stagesUnder(taps) : stagesOf(policy);
}

/** A gap between two policies. */
export interface Gap {
  readonly outer: Policy<unknown> | undefined;
  readonly inner: Policy<unknown> | undefined;
  readonly within: NamedPolicy<unknown>;
  readonly key?: string;
}

/** Returns `stage` with the layers of taps for a gap around it; the first tap is the outermost. */
export function tapped(stage: Stage, taps: readonly PlacedTap[], gap: Gap): Stage {
  return taps.reduceRight((inside, placed) => withLayer(inside, placed, gap), stage);
}

/** Returns `taps` as those of a part of `within`. */
export function tapsWithin(
  taps: readonly PlacedTap[],
  { within, key }: Pick<Gap, 'within' | 'key'>,
): readonly PlacedTap[] {
  return taps.map(({ tap, outside }) => ({ tap, outside: { within, key, outside } }));
}

/** Makes the stage of what is tapped. */
export type FuseUnder = (taps: readonly PlacedTap[]) => Stage;

/** Chooses the stage of a call, between the one without the layers of what is attached, and the one with them. */
export class TapSwitch {
  readonly holder: TapHolder;
  readonly fuse: FuseUnder;
  /** The taps of what this is part of, which are fused into both. */
  readonly outer: readonly PlacedTap[];
  readonly plain: Stage;
  /** For which list of taps `stage` was fused. */
  private list: readonly PipelineTap[] = NO_TAPS;
  private stage: Stage;

  constructor(holder: TapHolder, fuse: FuseUnder, outer: readonly PlacedTap[]) {
    this.holder = holder;
    this.fuse = fuse;
    this.outer = outer;
    this.plain = fuse(outer);
    this.stage = this.plain;
  }

  /** The stage for a call that starts now. */
  now(): Stage {
    const { taps } = this.holder;
    if (taps === NO_TAPS && this.list === NO_TAPS) return this.plain;
    const stage = this.awake();
    return isAnyAwake(taps) ? stage : this.plain; // (3)
  }

  /** The stage for a call that starts while a tap is awake. */
  awake(): Stage {
    const { taps } = this.holder;
    if (taps !== this.list) this.renew(taps);
    return this.stage;
  }

  private renew(taps: readonly PipelineTap[]): void {
    this.list = taps;
    const known = new Set(this.outer.map(({ tap }) => tap));
    const own = [...new Set(taps)].filter((tap) => !known.has(tap)); // (2)
    const placed = own.map((tap) => ({ tap, outside: undefined }));
    const stage = own.length === 0 ? this.plain : this.fuseOrReport([...this.outer, ...placed]);
    if (this.list === taps) this.stage = stage; // (4)
  }

  /** A layer of a policy may throw, too, where it is fused once more. */
  private fuseOrReport(taps: readonly PlacedTap[]): Stage {
    try {
      return this.fuse(taps);
    } catch (error) {
      reportHookError('tap', error); // (1)
      return this.plain;
    }
  }
}

/** Whether any tap is awake. */
export function isAnyAwake(taps: readonly PipelineTap[]): boolean {
  for (let at = 0; at < taps.length; at++) if (isAwake(taps[at] as PipelineTap)) return true;
  return false;
}

/** The stage of what is tapped as a part of something else. */
export class TapStage implements Stage {
  private readonly choice: TapSwitch;

  constructor(choice: TapSwitch) {
    this.choice = choice;
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    this.choice.now().handle(operation, context, sink, now);
  }
}

// --- internal ---

function withLayer(inside: Stage, { tap, outside }: PlacedTap, { outer, inner, within, key }: Gap): Stage {
  try {
    const layer = tap.layerBetween(outer, inner, { within, key, outside });
    if (layer === undefined) return inside;
    const handler: unknown = layer(handlerOf(inside));
    if (typeof handler !== 'function')
      throw new TypeError(`the layer of a tap must give a handler, got ${typeof handler}`);
    return stageOf(handler as Handler);
  } catch (error) {
    reportHookError('tap', error, within.name); // (1)
    return inside;
  }
}

function isAwake(tap: PipelineTap): boolean {
  if (tap.isAwake === undefined) return true;
  try {
    return tap.isAwake();
  } catch (error) {
    reportHookError('tap', error); // (1)
    return false;
  }
}
