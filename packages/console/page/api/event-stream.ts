/**
 * Event stream: the text of server-sent events, cut into events.
 *
 * Invariants
 *  (1) What arrives in pieces reads as what arrives at once, wherever the cuts are.
 *
 * Source: HTML Living Standard, "Interpreting an event stream", WHATWG,
 * https://html.spec.whatwg.org/multipage/server-sent-events.html. Deviation: lines end in LF only, as this API writes them, and
 * an event without data or name is dropped.
 *
 * @module
 */

import type { LiveEvent } from './answers.ts';

/** Reads a stream. */
export interface StreamReader {
  /** The id of the latest event that had one; undefined before. */
  readonly lastId: string | undefined;
  /** Takes the next piece, and returns the events that are whole now. Throws where the data of one is no JSON. */
  read(text: string): readonly LiveEvent[];
}

/** Makes a reader of one stream; `lastId` is that of the stream before. */
export function createStreamReader(lastId?: string): StreamReader {
  let rest = '';
  let latestId = lastId;
  return {
    get lastId() {
      return latestId;
    },
    read(text) {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? ''; // (1)
      return blocks.flatMap((block) => {
        const { id, event, data } = fieldsOf(block);
        latestId = id ?? latestId;
        if (event === undefined || data === undefined) return [];
        return [{ type: event, data: JSON.parse(data) } as LiveEvent];
      });
    },
  };
}

// --- internal ---

function fieldsOf(block: string): Readonly<Partial<Record<'id' | 'event' | 'data', string>>> {
  const fields = block.split('\n').flatMap((line): [string, string][] => {
    const [, name, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value ?? '']];
  });
  return Object.fromEntries(fields);
}
