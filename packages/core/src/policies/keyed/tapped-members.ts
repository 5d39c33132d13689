/**
 * Tapped members: the handlers of members with the layers of taps, around what is inside a keyed policy.
 *
 * A member has none of its own, and nothing is attached to it: they are made when a call first needs them, and kept for as long
 * as both the member and what is inside are there.
 *
 * Invariants
 *  (1) Of a member that is forgotten nothing stays.
 *  (2) A layer of a member that throws is reported, and the calls go to the overflow member.
 *  (3) No instant crosses the border to a member that goes by another clock.
 *
 * @module
 */

import type { Handler } from '../../kernel/handler.ts';
import { reportHookError } from '../../kernel/hooks.ts';
import { ForgetfulStage } from '../../kernel/pipeline-stages.ts';
import { type PlacedTap, stagesUnder, tapped, tapsWithin } from '../../kernel/pipeline-tap.ts';
import type { LayeredPolicy, NamedPolicy, Policy } from '../../kernel/policy.ts';
import { type Stage, handlerOf, stageOf } from '../../kernel/stage.ts';
import { type KeyedSettings, routeByKey } from './keyed-call.ts';
import type { Member, MemberHandlers } from './member.ts';
import type { Members } from './members.ts';

/** A keyed policy and the taps that see its calls. */
export interface TappedKeyed<P extends Policy<unknown>> {
  readonly within: NamedPolicy<unknown>;
  readonly settings: KeyedSettings<P>;
  readonly members: Members<P>;
  readonly taps: readonly PlacedTap[];
}

/** Returns the stage of a keyed policy around `inner`: the layers of taps that are attached to it, and those around members. */
export function stageUnderTaps<P extends Policy<unknown>>(keyed: TappedKeyed<P>, inner: Stage): Stage {
  const { within, settings, members, taps } = keyed;
  const own = taps.filter(({ outside }) => outside === undefined);
  const inside = tapped(inner, own, { outer: within, inner: undefined, within });
  const handlers = taps.length === 0 ? members.handlers : new TappedMembers(keyed);
  const routed = stageOf(routeByKey(settings, { members, handlers, inner: handlerOf(inside) }));
  return tapped(routed, own, { outer: undefined, inner: within, within });
}

// --- internal ---

/** The handlers of one keyed policy's members, at one place. */
class TappedMembers<P extends Policy<unknown>> implements MemberHandlers<P> {
  private readonly keyed: TappedKeyed<P>;
  private readonly handlers: WeakMap<Member<P>, Handler> = new WeakMap(); // (1)

  constructor(keyed: TappedKeyed<P>) {
    this.keyed = keyed;
  }

  prime(inner: Handler): void {
    const { overflow } = this.keyed.members;
    this.handlers.set(overflow, this.fuse(overflow, inner));
  }

  of(member: Member<P>, inner: Handler): Handler {
    const known = this.handlers.get(member);
    if (known !== undefined) return known;
    const handler = this.fuseOrReport(member, inner);
    this.handlers.set(member, handler);
    return handler;
  }

  private fuseOrReport(member: Member<P>, inner: Handler): Handler {
    try {
      return this.fuse(member, inner);
    } catch (error) {
      const { within, members } = this.keyed;
      reportHookError('make', error, within.name);
      return this.of(members.overflow, inner); // (2): was made when we were composed
    }
  }

  private fuse({ key, policy }: Member<P>, inner: Handler): Handler {
    const { within, settings, taps } = this.keyed;
    const { clock: own } = policy as Policy<unknown> & Partial<LayeredPolicy<unknown>>;
    const hasBorders = own !== undefined && own !== settings.clock; // (3)
    const inside = tapped(stageOf(inner), taps, { outer: policy, inner: undefined, within, key });
    const stages = stagesUnder(policy, tapsWithin(taps, { within, key }));
    const stage = stages(hasBorders ? new ForgetfulStage(inside) : inside);
    const bordered = hasBorders ? new ForgetfulStage(stage) : stage;
    return handlerOf(tapped(bordered, taps, { outer: undefined, inner: policy, within, key }));
  }
}
