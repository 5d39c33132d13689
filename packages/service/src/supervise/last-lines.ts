/**
 * Last lines: the end of what a child has printed.
 *
 * Invariants
 *  (1) At most `maxLines` lines are kept, each of at most `MAX_LENGTH` characters.
 *
 * @module
 */

/** The last lines of a text that comes in pieces. */
export class LastLines {
  readonly #maxLines: number;
  readonly #decoder = new TextDecoder();
  #lines: string[] = [];
  /** The line that has no end yet. */
  #rest = '';

  constructor(maxLines: number) {
    this.#maxLines = maxLines;
  }

  add(chunk: Uint8Array | string): void {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true });
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LENGTH); // (1)
    if (this.#maxLines === 0) return;
    this.#lines = [...this.#lines, ...lines.slice(-this.#maxLines).map((line) => line.slice(0, MAX_LENGTH))].slice(
      -this.#maxLines,
    );
  }

  /** The lines, the newest last. */
  all(): readonly string[] {
    if (this.#maxLines === 0) return [];
    return [...this.#lines, ...(this.#rest === '' ? [] : [this.#rest])].slice(-this.#maxLines);
  }
}

// --- internal ---

/** Characters of one line. */
const MAX_LENGTH = 2000;
