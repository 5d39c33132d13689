/**
 * Field of: reads what others have made, however hostile.
 *
 * @module
 */

/** Reads what was asked, answered or thrown; undefined where it cannot be read. Never throws. */
export function fieldOf(value: unknown, field: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
  } catch {
    return undefined; // a hostile getter
  }
}
