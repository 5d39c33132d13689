/**
 * Order: what is ordered, and what came of it, as the services tell each other.
 *
 * @module
 */

/** Something of which a number is ordered. */
export interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
}

/** An order. Its reference says that two of the same are one: everything that is done for it may be tried again. */
export interface Order {
  readonly ref: string;
  readonly lines: readonly OrderLine[];
}

/** What came of an order. */
export interface PlacedOrder {
  readonly ref: string;
  /** What is put aside for it. */
  readonly reserved: readonly string[];
  /** What there was not enough of. */
  readonly missing: readonly string[];
}

/** Where records of placed orders go: this queue of the default exchange, and what cannot be handled from there to the other. */
export const auditQueue = Object.freeze({ name: 'audit', deadLetters: 'audit.dead' });

/** Reads an order; undefined where it is none. */
export function parseOrder(given: unknown): Order | undefined {
  const { ref, lines } = (given ?? {}) as Partial<Record<keyof Order, unknown>>;
  if (typeof ref !== 'string' || !/^[\w-]{1,40}$/.test(ref)) return undefined;
  if (!Array.isArray(lines) || lines.length < 1 || lines.length > MAX_LINES || !lines.every(isLine)) return undefined;
  return { ref, lines: lines.map(({ sku, quantity }) => ({ sku, quantity })) };
}

// --- internal ---

const MAX_LINES = 10;
const MAX_QUANTITY = 100;

function isLine(given: unknown): given is OrderLine {
  const { sku, quantity } = (given ?? {}) as Partial<Record<keyof OrderLine, unknown>>;
  if (typeof sku !== 'string' || !/^[a-z-]{1,40}$/.test(sku)) return false;
  return Number.isInteger(quantity) && Number(quantity) >= 1 && Number(quantity) <= MAX_QUANTITY;
}
