/**
 * Text of: what an error says, whatever was thrown.
 *
 * @module
 */

/** Returns the message of an error, or else what was thrown as a string. Never throws, also where that has no string form. */
export function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'what was thrown cannot be read';
  }
}
