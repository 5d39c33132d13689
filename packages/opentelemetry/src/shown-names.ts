/**
 * Shown names: what policies are called where others read it. Members of a keyed policy have the key in their name, which came
 * with a request: they are called as the keyed policy is, in names, attributes and messages of spans.
 *
 *   hosts/shop.example        ─► hosts          a member, and what is named as that or begins with it
 *   retry of shop.example     ─► hosts          in a member: whatever else has the key in it
 *
 * Invariants
 *  (1) No key is in what is shown of a policy in a member, nor in a message of ours that is about one.
 *  (2) What is kept is a name for each keyed policy, however many members there were.
 *
 * @module
 */

import { type NamedPolicy, type Pipeline, type Policy, type TapPlace, isResilienceError } from '@holdfast/core';

/** Names in a member that have a key in them, and what is shown in their place. */
export type HiddenNames = ReadonlyMap<string, string>;

/** The names of the policies that one tracing or publication tells of. */
export class ShownNames {
  readonly #keyed = new Set<string>();

  /** What a policy called `name` is called at `place`. */
  at(name: string, place: TapPlace): string {
    let shown = name;
    for (let at: TapPlace | undefined = place; at !== undefined; at = at.outside) {
      if (at.key === undefined) continue;
      const keyed = this.note(at);
      if (at.key !== '' && shown.includes(at.key)) shown = keyed; // (1)
    }
    return this.of(shown);
  }

  /** Notes that there are members of the keyed policy of a place, and returns what that is called. */
  note({ within, outside }: TapPlace): string {
    const keyed = outside === undefined ? within.name : this.at(within.name, outside);
    this.#keyed.add(keyed); // (2)
    return keyed;
  }

  /** The names of a member at a place, and of what that is made of, that have a key in them. */
  hiddenIn(member: Policy<unknown> | undefined, place: TapPlace): HiddenNames {
    this.note(place); // whatever the member is, and makes known of itself
    const shown = namesIn(member).map((name) => [name, this.at(name, place)] as const);
    return new Map(shown.filter(([name, other]) => name !== other));
  }

  /** What a policy is called that is known by its name only, and told of by a call in the members of `hidden`, if any. */
  of(name: string, hidden: readonly HiddenNames[] = []): string {
    for (const keyed of this.#keyed) if (name.startsWith(`${keyed}/`)) return keyed;
    return hidden.find((names) => names.has(name))?.get(name) ?? name; // (1)
  }

  /** The message of an error; of one of ours with the name that is shown, for all calls that it ends on its way outward. */
  messageOf(error: Error, hidden: readonly HiddenNames[]): string {
    if (!isResilienceError(error) || error.policy === undefined) return error.message;
    const known = shownMessages.get(error);
    if (known !== undefined) return known;
    const shown = this.of(error.policy, hidden);
    if (shown === error.policy) return error.message;
    const message = error.message.replaceAll(error.policy, shown);
    shownMessages.set(error, message);
    return message;
  }
}

/** The key of the nearest keyed policy in whose member a place is, and the name of that; undefined outside of any. */
export function keyAt(place: TapPlace): { readonly key: string; readonly keyed: string } | undefined {
  for (let at: TapPlace | undefined = place; at !== undefined; at = at.outside)
    if (at.key !== undefined) return { key: at.key, keyed: at.within.name };
  return undefined;
}

/** Of what a call that comes to `place` is a call: a member is called as what it is a member of. Undefined where nothing new is. */
export function calledAt({ within, key, outside }: TapPlace): NamedPolicy<unknown> | undefined {
  if (key !== undefined) return undefined; // the border of a member
  if (outside?.key === undefined) return within;
  return outside.outside === undefined ? undefined : outside.within; // what the tap is attached to has its call already
}

// --- internal ---

/** The messages that are shown of errors out of members: who is further out knows no key. */
const shownMessages = new WeakMap<Error, string>();

function namesIn(policy: Policy<unknown> | undefined): readonly string[] {
  const { name, policies } = (policy ?? {}) as Partial<Pipeline<unknown>>;
  const ofParts = Array.isArray(policies) ? policies.flatMap(namesIn) : [];
  return typeof name === 'string' ? [name, ...ofParts] : ofParts;
}
