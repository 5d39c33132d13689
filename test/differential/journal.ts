/**
 * Journal: what happened while a case was played on one side, as lines that can be compared with the other side's.
 *
 * Objects that the case itself made have labels. Errors of the library are told by code, name and fields, and by a number
 * that is the same for the same object, in the order in which they were first seen.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

/** One thing that happened. */
export interface Entry {
  readonly at: number;
  /** Who it is about: the name of a policy, a run, or the schedule. */
  readonly who: string;
  readonly what: string;
  /** The values and errors that it is about. */
  readonly things: readonly unknown[];
}

/** What happened on one side. */
export class Journal {
  readonly entries: Entry[] = [];
  /** How calls settled. */
  readonly settlements: (Entry & { readonly call: number })[] = [];
  readonly #clock: Clock;
  readonly #isOurs: (error: unknown) => boolean;
  readonly #labels = new Map<unknown, string>();
  readonly #numbers = new Map<unknown, number>();

  constructor(clock: Clock, isOurs: (error: unknown) => boolean) {
    this.#clock = clock;
    this.#isOurs = isOurs;
  }

  /** Gives an object a label and returns it. */
  label<T>(thing: T, label: string): T {
    this.#labels.set(thing, label);
    return thing;
  }

  tell(who: string, what: string, ...things: readonly unknown[]): void {
    this.entries.push({ at: this.#clock.now(), who, what, things });
  }

  settle(call: number, what: 'value' | 'error', thing: unknown): void {
    this.settlements.push({ at: this.#clock.now(), who: `call ${call}`, what, things: [thing], call });
  }

  /** Returns an entry as a line. The numbers of errors come from the order in which this is asked. */
  lineOf({ at, who, what, things }: Entry): string {
    return [at, who, what, ...things.map((thing) => this.#describe(thing))].join(' ');
  }

  #describe(thing: unknown): string {
    if (thing === undefined) return 'undefined';
    const label = this.#labels.get(thing);
    if (label !== undefined) return label;
    if (!this.#isOurs(thing)) return `a stranger of type ${typeof thing}`;
    const error = thing as Record<string, unknown>;
    const fields = FIELDS.filter((field) => error[field] !== undefined).map(
      (field) => `${field}=${this.#describeField(error[field])}`,
    );
    return `#${this.#numberOf(thing)} ${fields.join(' ')}`;
  }

  #describeField(value: unknown): string {
    return typeof value === 'string' || typeof value === 'number' ? String(value) : this.#describe(value);
  }

  #numberOf(thing: unknown): number {
    const number = this.#numbers.get(thing) ?? this.#numbers.size + 1;
    this.#numbers.set(thing, number);
    return number;
  }
}

// --- internal ---

/** What the docs promise of our errors. */
const FIELDS = [
  'code',
  'name',
  'policy',
  'retryAfterMs',
  'reason',
  'maxConcurrent',
  'maxQueued',
  'timeoutMs',
  'cause',
  'fallbackError',
];
