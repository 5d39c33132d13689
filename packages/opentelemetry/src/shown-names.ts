/**
 * Shown names: what policies are called where others read it. Members of a keyed policy have the key in their name, which came
 * with a request: they are called as the keyed policy is, in names, attributes and messages of spans.
 *
 *   hosts/shop.example        ─► hosts          a member, and what is named as that or begins with it
 *   retry of shop.example     ─► hosts          in a member: whatever else has the key in it
 *
 * Invariants
 *  (1) No key is in what is shown of a policy in a member, nor in a message of ours that is about one that has its member's name.
 *  (2) What is kept is a name for each keyed policy, however many members there were.
 *
 * @module
 */

import { type NamedPolicy, type TapPlace, isResilienceError } from '@holdfast/core';

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

  /** What a policy is called that is known by its name only. */
  of(name: string): string {
    for (const keyed of this.#keyed) if (name.startsWith(`${keyed}/`)) return keyed;
    return name;
  }

  /** The message of an error; of one of ours with the name that is shown. */
  messageOf(error: Error): string {
    if (!isResilienceError(error) || error.policy === undefined) return error.message;
    const shown = this.of(error.policy);
    return shown === error.policy ? error.message : error.message.replaceAll(error.policy, shown);
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
