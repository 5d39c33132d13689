/**
 * Event log: the last events, so that a client that was away for a moment gets what it has missed.
 *
 * An id is `<run>-<number>`. The run is another one whenever events may have been missed, so that an id of before leads nowhere.
 *
 * Invariants
 *  (1) It holds at most `MAX_EVENTS` events and drops the oldest first.
 *  (2) What follows an id is all of it, or undefined: never a part.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

/** An event as it is sent. */
export interface Frame {
  /** What it is about: of two frames about the same thing, the later one is enough. */
  readonly key: string;
  /** The event in the format of an event stream. */
  readonly text: string;
}

/** The last events. */
export class EventLog {
  readonly #frames: Frame[] = [];
  #run = newRun();
  #count = 0;

  /** The id of the latest event; of none, where there was none. */
  get lastId(): string {
    return `${this.#run}-${this.#count}`;
  }

  /** Keeps an event and returns it as a frame. */
  add(type: string, key: string, data: unknown): Frame {
    this.#count++;
    const frame = { key: `${type} ${key}`, text: frameText(type, data, this.lastId) };
    this.#frames.push(frame);
    if (this.#frames.length > MAX_EVENTS) this.#frames.shift(); // (1)
    return frame;
  }

  /** Returns the events after that of `id`, oldest first; undefined where some of them are not known any more. */
  after(id: string): readonly Frame[] | undefined {
    const [, run, digits = ''] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id) ?? [];
    const missed = this.#count - Number(digits);
    if (run !== this.#run || missed < 0 || missed > this.#frames.length) return undefined; // (2)
    return missed === 0 ? [] : this.#frames.slice(-missed);
  }

  /** Forgets all events: others may have been missed. */
  restart(): void {
    this.#run = newRun();
    this.#count = 0;
    this.#frames.length = 0;
  }
}

/** Writes an event as an event stream has it. JSON has no line break, so one line of data is enough. */
export function frameText(type: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

// --- internal ---

const MAX_EVENTS = 4096;

function newRun(): string {
  return randomUUID().replaceAll('-', '').slice(0, 12);
}
