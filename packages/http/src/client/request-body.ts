/**
 * Request body: whether a body can be sent once more, as a retry, a hedge or a redirect does.
 *
 * @module
 */

/**
 * Whether `body` is spent once it was sent: a stream, or anything else that is read bit by bit. Texts, bytes, `Blob`, `FormData`
 * and `URLSearchParams` can be sent any number of times, and so can a function that makes a body, and none at all.
 */
export function isSpentOnceSent(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return false;
  if (hasMethod(body, 'pipeTo') || hasMethod(body, 'pipe') || hasMethod(body, 'next')) return true; // streams, generators
  return Symbol.asyncIterator in body;
}

/** Whether `body` is a stream, of the web or of Node.js. */
export function isStream(body: unknown): boolean {
  return hasMethod(body, 'pipeTo') || hasMethod(body, 'pipe') || (isObject(body) && Symbol.asyncIterator in body);
}

// --- internal ---

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function hasMethod(value: unknown, method: string): boolean {
  return isObject(value) && typeof (value as Record<string, unknown>)[method] === 'function';
}
