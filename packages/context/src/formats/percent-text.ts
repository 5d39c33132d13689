/**
 * Percent text: how values are written so that every transport carries them unharmed: printable ASCII without space, comma,
 * semicolon, quote and backslash; whatever else is percent-encoded UTF-8. It is what W3C baggage prescribes.
 *
 * Invariants
 *  (1) What was written is read again as it was.
 *  (2) No input makes reading or writing throw.
 *  (3) No control character and no line break passes, neither raw nor encoded, so that no value ends a header or a log line.
 *
 * Source: Baggage, "value", W3C Working Draft, https://www.w3.org/TR/baggage/.
 * Deviation: control characters are refused, not encoded.
 *
 * @module
 */

/** Writes `text`; undefined for what has control characters, or is no Unicode. Its length is its size in bytes. */
export function encodeText(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  if (CONTROL.test(text)) return undefined; // (3)
  try {
    return encodeURIComponent(text);
  } catch {
    return undefined; // (2): half of a surrogate pair
  }
}

/** Reads what {@link encodeText} has written; undefined for what it cannot have written. */
export function decodeText(text: string): string | undefined {
  if (!PRINTABLE.test(text)) return undefined;
  if (!text.includes('%')) return text;
  try {
    const decoded = decodeURIComponent(text);
    return CONTROL.test(decoded) ? undefined : decoded; // (3)
  } catch {
    return undefined; // (2)
  }
}

// --- internal ---

/** What may be written as it is; that is, all of {@link PRINTABLE} but the percent sign. */
const PLAIN = /^[!#$&-+\--:<-[\]-~]*$/;

const PRINTABLE = /^[!#-+\--:<-[\]-~]*$/;

// oxlint-disable-next-line no-control-regex -- it is about control characters
const CONTROL = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/;
