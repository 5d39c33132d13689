/**
 * Keyed call: the way of one call from its key to the member of that key.
 *
 * @module
 */

import { readOnce } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import type { Handler, Sink } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import type { Policy } from '../../kernel/policy.ts';
import type { Member, MemberHandlers } from './member.ts';
import type { Members, MembersSettings } from './members.ts';

/** What a keyed policy is made of, and what stays as it is. */
export interface KeyedSettings<P extends Policy<unknown>> extends MembersSettings<P> {
  readonly keyOf: (context: Context) => string;
}

/** What calls are routed to. */
export interface Routes<P extends Policy<unknown>> {
  readonly members: Members<P>;
  readonly handlers: MemberHandlers<P>;
  readonly inner: Handler;
}

/** Returns the handler of a keyed policy around `inner`. */
export function routeByKey<P extends Policy<unknown>>(
  settings: KeyedSettings<P>,
  { members, handlers, inner }: Routes<P>,
): Handler {
  const { byKey } = members;
  handlers.prime(inner);
  return (operation, context, sink, calledAt) => {
    const { enforcement } = members.limits;
    if (enforcement === 'off') {
      inner(operation, context, sink, calledAt);
      return;
    }
    const key = readKey(settings, context);
    const found = byKey.get(key);
    const now = found === undefined ? readOnce(settings.clock, calledAt) : calledAt;
    const member = found === undefined ? members.admit(key, now) : members.enter(found);
    const handler = enforcement === 'observe' ? inner : handlers.of(member, inner);
    handler(operation, context, new KeyedCall(members, member, sink), now);
  };
}

// --- internal ---

/** Returns the key of a call; `''` where the user's function gives none. */
function readKey({ keyOf, name }: Pick<KeyedSettings<Policy<unknown>>, 'keyOf' | 'name'>, context: Context): string {
  try {
    const key: unknown = keyOf(context);
    if (typeof key === 'string' && key !== '') return key;
    ignoreRejection(key);
    throw new TypeError(`keyOf must return a non-empty string, got ${key === '' ? 'an empty one' : typeof key}`);
  } catch (error) {
    reportHookError('keyOf', error, name);
    return '';
  }
}

/** One call: the sink of its run under its member. */
class KeyedCall<P extends Policy<unknown>> implements Sink {
  readonly members: Members<P>;
  readonly member: Member<P>;
  readonly sink: Sink;

  constructor(members: Members<P>, member: Member<P>, sink: Sink) {
    this.members = members;
    this.member = member;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.sink.resolve(value, this.members.leave(this.member, now));
  }

  reject(error: unknown, now: number): void {
    this.sink.reject(error, this.members.leave(this.member, now));
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, this.members.leave(this.member, now));
  }
}
