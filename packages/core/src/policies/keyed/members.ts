/**
 * Members: the policies of a keyed policy, by key, and which of them may be forgotten.
 *
 *   no member ── a call, room ─► busy ── its last call settles ─► idle ── evicted ─► no member
 *       │                         ▲                                │ found with a circuit that is not closed
 *       │                         ├──────────── a call ────────────┤
 *       │                         └──────────── a call ──── put aside: looked at again, later
 *       └── a call, no room ─► overflow
 *
 * Invariants
 *  (1) At most `maxKeys` members have a place, whatever may be evicted.
 *  (2) A member with a running call, or with a circuit that is not closed, is not evicted.
 *  (3) Of the idle members, the least recently used is evicted first.
 *  (4) There is no timer: idle members expire when a member is made and when somebody looks.
 *
 * Cost: finding, entering, leaving and evicting a member take constant time, however many circuits are open.
 *
 * @module
 */

import { type Clock, readOnce } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import type { Handler, Layer } from '../../kernel/handler.ts';
import { reportHookError } from '../../kernel/hooks.ts';
import { type Link, LinkedList, unlink } from '../../kernel/linked-list.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type LayeredPolicy, type Policy, createPolicy, layerOf } from '../../kernel/policy.ts';
import { isAtRest } from './at-rest.ts';

/** Why a member was evicted: its place was needed, it was idle for `idleMs`, or `evict` was called. */
export type EvictionReason = 'full' | 'idle' | 'asked';

/** A member was made. */
export interface KeyedCreatedEvent {
  readonly type: 'keyed.created';
  readonly policy: 'keyed';
  readonly name: string;
  readonly key: string;
}

/** A member was forgotten. */
export interface KeyedEvictedEvent {
  readonly type: 'keyed.evicted';
  readonly policy: 'keyed';
  readonly name: string;
  readonly key: string;
  readonly reason: EvictionReason;
}

/** What {@link Members} are made of: options, checked and completed. */
export interface MembersSettings<P extends Policy<unknown>> {
  readonly name: string;
  readonly make: (key: string, name: string) => P;
  readonly maxKeys: number;
  readonly idleMs: number;
  readonly clock: Clock;
  readonly events: Events;
}

/** Key of the member that serves the keys which find no room. */
export const OVERFLOW_KEY = '__other__';

/** The members of one keyed policy. Its fields are plain for speed; the policy hides them. */
export class Members<P extends Policy<unknown>> {
  readonly settings: MembersSettings<P>;
  readonly overflow: Member<P>;
  readonly byKey: Map<string, Member<P>> = new Map();
  /** Members without a running call, least recently used first. */
  readonly idle: LinkedList = new LinkedList();
  /** Idle members that were found with a circuit that is not closed. */
  private readonly aside = new LinkedList();
  running = 0;
  calls = 0;
  created = 0;
  overflowed = 0;
  readonly evicted: Record<EvictionReason, number> = { full: 0, idle: 0, asked: 0 };

  constructor(settings: MembersSettings<P>) {
    this.settings = settings;
    this.overflow = new Member(this, OVERFLOW_KEY, this.make(OVERFLOW_KEY));
  }

  /** Returns a member for a key that has none: a new one if there is room, else the overflow. It counts as entered. */
  admit(key: string, now: number): Member<P> {
    if (key === OVERFLOW_KEY) return this.overflow.enter();
    this.expire(now);
    if (!this.hasRoom()) return this.overflowFor();
    let member: Member<P>;
    try {
      member = new Member(this, key, this.make(key));
    } catch (error) {
      reportHookError('make', error, this.settings.name);
      return this.overflowFor();
    }
    const other = this.byKey.get(key); // a listener or `make` may have called us meanwhile
    if (other !== undefined) return other.enter();
    if (this.byKey.size >= this.settings.maxKeys) return this.overflowFor();
    this.byKey.set(key, member);
    this.created++;
    member.enter(); // before anybody is told, so that nobody can evict it
    this.tellCreated(key);
    return member;
  }

  /** Evicts what has been idle for `idleMs`. (4) */
  expire(now: number): void {
    const { idleMs } = this.settings;
    if (idleMs === Infinity) return;
    const hasExpired = (member: Member<P>): boolean => now - member.idleSince >= idleMs;
    this.lookAside(hasExpired, 'idle');
    for (let oldest = this.oldest(); oldest !== undefined && hasExpired(oldest); oldest = this.oldest()) {
      this.evictOrPutAside(oldest, 'idle');
    }
  }

  /** Evicts the member of `key`, if there is one and it may be evicted. */
  evict(key: string): boolean {
    const member = this.byKey.get(key);
    return member !== undefined && this.evictOrPutAside(member, 'asked');
  }

  private hasRoom(): boolean {
    const { maxKeys } = this.settings;
    if (this.byKey.size < maxKeys || this.lookAside(() => true, 'full')) return true;
    for (let oldest = this.oldest(); oldest !== undefined; oldest = this.oldest()) {
      if (this.evictOrPutAside(oldest, 'full')) return true; // (3)
    }
    return false;
  }

  /** Looks again at some of the members put aside: a circuit may have been closed by hand. Returns whether one was evicted. */
  private lookAside(isDue: (member: Member<P>) => boolean, reason: EvictionReason): boolean {
    let hasEvicted = false;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const first = this.aside.first as Member<P> | undefined;
      if (first === undefined) break;
      if (!isDue(first)) this.putAside(first);
      else if (this.evictOrPutAside(first, reason)) hasEvicted = true;
      if (hasEvicted && reason === 'full') break; // one place is enough
    }
    return hasEvicted;
  }

  private oldest(): Member<P> | undefined {
    return this.idle.first as Member<P> | undefined;
  }

  /** Evicts an idle member, unless a circuit of it is not closed. */
  private evictOrPutAside(member: Member<P>, reason: EvictionReason): boolean {
    const mayGo = isAtRest(member.policy, this.settings.name);
    if (member.running > 0 || this.byKey.get(member.key) !== member) return false; // asking it may have called us
    if (!mayGo) {
      this.putAside(member); // (2)
      return false;
    }
    unlink(member);
    this.byKey.delete(member.key);
    this.evicted[reason]++;
    this.tellEvicted(member.key, reason);
    return true;
  }

  private putAside(member: Member<P>): void {
    unlink(member);
    this.aside.append(member);
  }

  private overflowFor(): Member<P> {
    this.overflowed++;
    return this.overflow.enter();
  }

  private make(key: string): P {
    const { name, make } = this.settings;
    const policy: unknown = make(key, `${name}/${key}`);
    if (typeof (policy as Partial<Policy> | null | undefined)?.execute !== 'function')
      throw new TypeError('keyed.make must return a policy');
    return policy as P;
  }

  private tellCreated(key: string): void {
    const { name, events } = this.settings;
    if (!events.active) return;
    const event: KeyedCreatedEvent = { type: 'keyed.created', policy: 'keyed', name, key };
    events.emit(event);
  }

  private tellEvicted(key: string, reason: EvictionReason): void {
    const { name, events } = this.settings;
    if (!events.active) return;
    const event: KeyedEvictedEvent = { type: 'keyed.evicted', policy: 'keyed', name, key, reason };
    events.emit(event);
  }
}

/** One policy and the calls that run under it. */
export class Member<P extends Policy<unknown>> implements Link {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly members: Members<P>;
  readonly key: string;
  readonly policy: P;
  running = 0;
  idleSince = 0;
  private inner: Handler | undefined = undefined;
  private handler: Handler | undefined = undefined;
  private others: WeakMap<Handler, Handler> | undefined = undefined;

  constructor(members: Members<P>, key: string, policy: P) {
    this.members = members;
    this.key = key;
    this.policy = policy;
  }

  /** Counts a call in. */
  enter(): this {
    if (this.running++ === 0) unlink(this);
    this.members.running++;
    this.members.calls++;
    return this;
  }

  /** Counts a call out. Returns the instant, where it had to be read. */
  leave(settledAt: number): number {
    const { members } = this;
    members.running--;
    if (--this.running > 0 || this.key === OVERFLOW_KEY) return settledAt;
    const { idleMs, clock } = members.settings;
    const now = idleMs === Infinity ? settledAt : readOnce(clock, settledAt);
    this.idleSince = now;
    members.idle.append(this);
    return now;
  }

  /** Returns the member's handler around `inner`; made once. */
  handlerOf(inner: Handler): Handler {
    if (this.inner === inner) return this.handler as Handler;
    return this.others?.get(inner) ?? this.fuse(inner);
  }

  private fuse(inner: Handler): Handler {
    const handler = this.handlerAround(inner);
    if (this.inner === undefined) {
      this.inner = inner;
      this.handler = handler;
    } else {
      this.others ??= new WeakMap(); // weak: a pipeline around us may be dropped while we live
      this.others.set(inner, handler);
    }
    return handler;
  }

  private handlerAround(inner: Handler): Handler {
    const { members, policy } = this;
    if (this.key === OVERFLOW_KEY) return layerAmong(members.settings, policy)(inner);
    try {
      return layerAmong(members.settings, policy)(inner);
    } catch (error) {
      reportHookError('make', error, members.settings.name);
      return members.overflow.handlerOf(inner); // was made when we were composed
    }
  }
}

// --- internal ---

/** How many members put aside are looked at again when a place is needed, and when somebody looks. */
const MAX_LOOKS = 8;

/** The layer of `policy`, with borders around it if it goes by another clock than we do. */
function layerAmong({ name, clock }: { readonly name: string; readonly clock: Clock }, policy: Policy<unknown>): Layer {
  const own = (policy as Partial<LayeredPolicy>).clock;
  if (own === undefined || own === clock) return layerOf(policy);
  const ours = createPolicy({ kind: 'keyed', name, layer: (inner) => inner, clock });
  return pipeline({ name }, ours, policy).layer;
}
