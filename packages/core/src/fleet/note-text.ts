/**
 * Note text: names and reasons in the letters that every ledger can carry.
 *
 * Invariants
 *  (1) What is written holds letters, digits and `_.:/%-` only, is read back unchanged, and differs for different texts.
 *      Half of a surrogate pair becomes U+FFFD.
 *
 * @module
 */

/** Writes a text: every byte but letters, digits and `_ . : / -` percent-encoded. '' stays ''; a lone `-` is encoded, since it stands for ''. */
export function noteText(text: string): string {
  if (/^[\w.:/-]*$/.test(text) && text !== '-') return text;
  if (text === '-') return '%2D';
  return [...new TextEncoder().encode(text)].map(encodeByte).join('');
}

/** Reads what {@link noteText} has written. Never throws: what nobody has written comes back as it is. */
export function readNoteText(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// --- internal ---

function encodeByte(byte: number): string {
  const character = String.fromCodePoint(byte);
  return /[\w.:/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
