/**
 * Run place: where in the code a run was begun, noted for some of them, because noting it costs a stack.
 *
 * Invariants
 *  (1) The first run of each name is noted, and of the others a share.
 *  (2) At most `MAX_NAMES` names are remembered: names that hold an id do not fill the memory.
 *
 * @module
 */

/** Places by the name of what is begun there. */
export class RunPlaces {
  readonly #byName = new Map<string, string | undefined>();

  /**
   * Notes where `begin`, the function that was called, was called from, if this run is one to be noted; `draw` says whether it
   * is, of all but the first of a name.
   */
  note(name: string, begin: object, draw: () => boolean): string | undefined {
    const isFirst = !this.#byName.has(name) && this.#byName.size < MAX_NAMES; // (2)
    if (!isFirst && !draw()) return undefined; // (1)
    const place = callerOf(begin);
    if (isFirst || this.#byName.has(name)) this.#byName.set(name, place);
    return place;
  }

  /** The place that was noted last for that name. */
  of(name: string): string | undefined {
    return this.#byName.get(name);
  }
}

// --- internal ---

const MAX_NAMES = 1000;

/** V8's way to write the stack above a function; other engines have none, and note nothing. */
const v8Error = Error as { captureStackTrace?: (target: object, above: object) => void };

function callerOf(begin: object): string | undefined {
  const holder: { stack?: unknown } = {};
  try {
    v8Error.captureStackTrace?.(holder, begin);
    const { stack } = holder;
    return typeof stack === 'string' ? stack.split('\n').at(1)?.trim() : undefined;
  } catch {
    return undefined; // a prepareStackTrace that throws
  }
}
