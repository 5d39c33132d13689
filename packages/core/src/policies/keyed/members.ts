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
 *  (1) No member is made while `maxKeys` have a place, whatever may be evicted.
 *  (2) A member with a running call, or with a circuit that is not closed, is not evicted.
 *  (3) Of the idle members, the least recently used is evicted first.
 *  (4) There is no timer: idle members expire when a member is made and when somebody looks.
 *  (5) A member that is forgotten, or made and not taken, is disposed of once, as soon as no call runs under it: its
 *      `Symbol.dispose` is called, if it has one.
 *
 * Cost: finding, entering, leaving and evicting a member take constant time, however many circuits are open.
 *
 * @module
 */

import { type Clock, readOnce } from '../../kernel/clock.ts';
import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import { LinkedList, unlink } from '../../kernel/linked-list.ts';
import type { Policy } from '../../kernel/policy.ts';
import { isAtRest } from './at-rest.ts';
import { FusedHandlers } from './fused-handlers.ts';
import { type EvictionReason, tellCreated, tellEvicted, tellScattered } from './key-events.ts';
import { Member } from './member.ts';
import { MemberChanges } from './member-changes.ts';
import { FEW_CALLS, Scatter } from './scatter.ts';

/** What {@link Members} are made of, and what stays as it is. */
export interface MembersSettings<P extends Policy<unknown>> {
  readonly name: string;
  readonly make: (key: string, name: string) => P;
  readonly clock: Clock;
  readonly events: Events;
}

/** What may change. */
export interface MembersLimits {
  readonly maxKeys: number;
  readonly idleMs: number;
  readonly enforcement: Enforcement;
}

/** Key of the member that serves the keys which find no room. */
export const OVERFLOW_KEY = '__other__';

/** The members of one keyed policy. Its fields are plain for speed; the policy hides them. */
export class Members<P extends Policy<unknown>> {
  readonly settings: MembersSettings<P>;
  limits: MembersLimits;
  readonly overflow: Member<P>;
  readonly handlers: FusedHandlers<P>;
  readonly changes: MemberChanges<P> = new MemberChanges();
  readonly byKey: Map<string, Member<P>> = new Map();
  readonly scatter: Scatter = new Scatter();
  /** Members without a running call, least recently used first. */
  private readonly idle = new LinkedList();
  /** Idle members that were found with a circuit that is not closed. */
  private readonly aside = new LinkedList();
  /** Whether no member is made any more. */
  private isDisposed = false;
  private isOverflowReleased = false;
  running = 0;
  calls = 0;
  created = 0;
  overflowed = 0;
  readonly evicted: Record<EvictionReason, number> = { full: 0, idle: 0, asked: 0 };

  constructor(settings: MembersSettings<P>, limits: MembersLimits) {
    this.settings = settings;
    this.limits = limits;
    this.overflow = new Member(OVERFLOW_KEY, this.make(OVERFLOW_KEY));
    this.handlers = new FusedHandlers(settings.name, settings.clock, this.overflow);
  }

  /** Takes new limits, and evicts what has no place by them as far as it may be evicted. */
  change(limits: MembersLimits): void {
    this.limits = limits;
    this.makeRoom(limits.maxKeys);
  }

  /** Returns a member for a key that has none: a new one if there is room, else the overflow. It counts as entered. */
  admit(key: string, now: number): Member<P> {
    if (key === OVERFLOW_KEY) return this.enter(this.overflow);
    if (this.isDisposed) return this.overflowFor();
    this.expire(now);
    if (!this.makeRoom(this.limits.maxKeys - 1)) return this.overflowFor();
    let member: Member<P>;
    try {
      member = new Member(key, this.make(key));
    } catch (error) {
      reportHookError('make', error, this.settings.name);
      return this.overflowFor();
    }
    return this.takeOrDrop(member);
  }

  /** Takes a new member in, unless a listener or `make` has called us meanwhile and its place is taken. Returns who serves. */
  private takeOrDrop(member: Member<P>): Member<P> {
    const other = this.byKey.get(member.key);
    const hasRoom = this.byKey.size < this.limits.maxKeys && !this.isDisposed; // (1)
    if (other === undefined && hasRoom) return this.take(member);
    if (member.policy !== other?.policy) this.release(member); // (5)
    return other === undefined ? this.overflowFor() : this.enter(other);
  }

  private take(member: Member<P>): Member<P> {
    this.byKey.set(member.key, member);
    this.created++;
    this.enter(member); // before anybody is told, so that nobody can evict it
    tellCreated(this.settings, member.key);
    return member;
  }

  /** Counts a call in. */
  enter(member: Member<P>): Member<P> {
    if (member.running++ === 0) unlink(member);
    if (member.calls < FEW_CALLS) member.calls++;
    this.running++;
    this.calls++;
    return member;
  }

  /** Counts a call out. Returns the instant, where it had to be read. */
  leave(member: Member<P>, settledAt: number): number {
    this.running--;
    if (--member.running > 0) return settledAt;
    if (member.isGone || member === this.overflow) {
      if (member.isGone || this.isDisposed) this.release(member); // (5)
      return settledAt;
    }
    const now = this.limits.idleMs === Infinity ? settledAt : readOnce(this.settings.clock, settledAt);
    member.idleSince = now;
    this.idle.append(member);
    return now;
  }

  /** Brings the members up to date for somebody who looks: without those that have expired, or have no place. */
  look(): ReadonlyMap<string, Member<P>> {
    this.expire(this.settings.clock.now());
    this.makeRoom(this.limits.maxKeys); // some may have become free since the bound was lowered
    return this.byKey;
  }

  /** Evicts what has been idle for `idleMs`. (4) */
  private expire(now: number): void {
    const { idleMs } = this.limits;
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

  /** Forgets the member of `key`, whatever its state. Returns whether there was one. */
  delete(key: string): boolean {
    const member = this.byKey.get(key);
    if (member === undefined) return false;
    this.forget(member, 'asked');
    return true;
  }

  /** Forgets all members, and makes none any more. The overflow serves on, and is disposed of as they are. */
  dispose(): void {
    this.isDisposed = true;
    for (const key of this.byKey.keys()) this.delete(key);
    if (this.overflow.running === 0) this.release(this.overflow);
  }

  /** Evicts until at most `size` members are left. Returns whether that came true. */
  private makeRoom(size: number): boolean {
    while (this.byKey.size > size && this.lookAside(() => true, 'full'));
    while (this.byKey.size > size) {
      const oldest = this.oldest();
      if (oldest === undefined) return false;
      this.evictOrPutAside(oldest, 'full'); // (3)
    }
    return true;
  }

  /** Looks again at some of the members put aside: a circuit may have been closed by hand. Returns whether one was evicted. */
  private lookAside(isDue: (member: Member<P>) => boolean, reason: EvictionReason): boolean {
    let hasEvicted = false;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const first = this.aside.first as Member<P> | undefined;
      if (first === undefined) break;
      if (!isDue(first)) this.putAside(first);
      else if (this.evictOrPutAside(first, reason)) hasEvicted = true;
      if (hasEvicted && reason === 'full') break; // one place at a time
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
    this.forget(member, reason);
    return true;
  }

  private forget(member: Member<P>, reason: EvictionReason): void {
    const { settings, scatter } = this;
    unlink(member);
    this.byKey.delete(member.key);
    const tooFew = reason === 'asked' ? undefined : scatter.note(member.calls);
    member.forget();
    this.evicted[reason]++;
    tellEvicted(settings, member.key, reason);
    if (tooFew !== undefined) tellScattered(settings, tooFew);
    if (member.running === 0) this.release(member); // (5)
  }

  /** Disposes of the policy of a member under which no call runs any more. */
  private release(member: Member<P>): void {
    if (member === this.overflow) {
      if (this.isOverflowReleased) return;
      this.isOverflowReleased = true;
    }
    try {
      ignoreRejection((member.policy as Partial<Disposable>)[Symbol.dispose]?.());
    } catch (error) {
      reportHookError('dispose', error, this.settings.name);
    }
  }

  private putAside(member: Member<P>): void {
    unlink(member);
    this.aside.append(member);
  }

  private overflowFor(): Member<P> {
    this.overflowed++;
    return this.enter(this.overflow);
  }

  private make(key: string): P {
    const { name, make } = this.settings;
    const policy: unknown = make(key, `${name}/${key}`);
    if (typeof (policy as Partial<Policy> | null | undefined)?.execute !== 'function')
      throw new TypeError('keyed.make must return a policy');
    this.changes.applyTo(policy as P);
    return policy as P;
  }
}

// --- internal ---

/** How many members put aside are looked at again when a place is needed, and when somebody looks. */
const MAX_LOOKS = 8;
