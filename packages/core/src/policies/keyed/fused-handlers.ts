/**
 * Fused handlers: the handlers of members around what is inside a keyed policy, made when a call first needs them.
 *
 * A keyed policy most often stands in one place. The handler for that place is kept in the member; a policy of ours that is
 * called directly has one of its own already, which is used. Handlers for further places are kept aside.
 *
 * Invariants
 *  (1) A member's handler around the same handler is made once.
 *  (2) A layer that throws is reported, and the calls go to the overflow member.
 *
 * @module
 */

import type { Clock } from '../../kernel/clock.ts';
import { type Handler, type Layer, invoke } from '../../kernel/handler.ts';
import { reportHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type LayeredPolicy, type Policy, createPolicy, layerOf } from '../../kernel/policy.ts';
import type { Member, MemberHandlers } from './member.ts';

/** The handlers of one keyed policy's members. */
export class FusedHandlers<P extends Policy<unknown>> implements MemberHandlers<P> {
  private readonly name: string;
  private readonly clock: Clock;
  private readonly overflow: Member<P>;
  /** What most calls go to: what is inside the first call. */
  private main: Handler | undefined = undefined;
  /** By what is inside, then by member: weak, since a pipeline around us may be dropped while we live. */
  private readonly others: WeakMap<Handler, WeakMap<Member<P>, Handler>> = new WeakMap();

  constructor(name: string, clock: Clock, overflow: Member<P>) {
    this.name = name;
    this.clock = clock;
    this.overflow = overflow;
  }

  prime(inner: Handler): void {
    const { overflow } = this;
    this.keep(overflow, inner, this.around(inner, overflow.policy));
  }

  of(member: Member<P>, inner: Handler): Handler {
    if (inner === this.main && member.handler !== undefined) return member.handler;
    this.main ??= inner;
    const handler = this.others.get(inner)?.get(member) ?? this.fuse(member, inner);
    if (inner === this.main) member.handler = handler;
    else this.keep(member, inner, handler);
    return handler;
  }

  private keep(member: Member<P>, inner: Handler, handler: Handler): void {
    const known = this.others.get(inner);
    if (known === undefined) this.others.set(inner, new WeakMap([[member, handler]]));
    else known.set(member, handler);
  }

  private fuse(member: Member<P>, inner: Handler): Handler {
    try {
      return this.around(inner, member.policy);
    } catch (error) {
      reportHookError('make', error, this.name);
      return this.of(this.overflow, inner); // (2): was made when we were composed
    }
  }

  private around(inner: Handler, policy: Policy<unknown>): Handler {
    const { clock: own } = policy as Partial<LayeredPolicy>;
    const isOnOurClock = own === undefined || own === this.clock;
    if (isOnOurClock && inner === invoke && hasHandler(policy)) return policy.handler;
    return (isOnOurClock ? layerOf(policy) : this.withBorders(policy))(inner);
  }

  /** The layer of a policy that goes by another clock than we do: no instant crosses the borders around it. */
  private withBorders(policy: Policy<unknown>): Layer {
    const { name, clock } = this;
    const ours = createPolicy({ kind: 'keyed', name, layer: (inner) => inner, clock });
    return pipeline({ name }, ours, policy).layer;
  }
}

// --- internal ---

/** Whether `policy` has a handler around `invoke` that does all that its layer would: one that counts calls outside of it has not. */
function hasHandler(policy: Policy<unknown>): policy is Policy<unknown> & { readonly handler: Handler } {
  const { handler, tally, layer } = policy as {
    readonly handler?: Handler;
    readonly tally?: unknown;
    readonly layer?: Layer;
  };
  return layer !== undefined && tally === undefined && typeof handler === 'function' && handler.length === 4;
}
