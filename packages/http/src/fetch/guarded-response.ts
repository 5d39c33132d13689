/**
 * Guarded response: a response of fetch whose body tells when it is over, so that nothing needs to listen longer than that.
 *
 * Invariants
 *  (1) It reads as the original: status, headers, `url`, `redirected`, `type`, and every chunk of the body.
 *  (2) `onOver` is called once: when the body was read to its end, failed, or was cancelled.
 *  (3) A chunk is read from the original only when somebody asks for it.
 *
 * @module
 */

/** Returns `response` with a body that calls `onOver`; itself, if it has no body that can be read. Then `onOver` was called. */
export function guardResponse(response: Response, onOver: () => void): Response {
  const { body } = response as Partial<Response>;
  if (body === null || body === undefined || typeof body.getReader !== 'function') {
    onOver();
    return response;
  }
  const { status, statusText, headers } = response;
  if (status < 200 || status > 599) return response; // none can be made by hand: it stays tied until the context ends
  const ResponseClass = response.constructor as typeof Response; // of the fetch that was handed in
  return readsAs(response, new ResponseClass(watchedBody(body, onOver), { status, statusText, headers }));
}

/** Cancels the body of a response that nobody reads. Never throws. */
export function cancelBody(response: Response): void {
  try {
    const { body } = response as Partial<Response>;
    if (body === null || body === undefined || body.locked) return;
    body.cancel().catch(() => {}); // it has failed before
  } catch {
    // no response of fetch
  }
}

// --- internal ---

type Chunk = Uint8Array;

function watchedBody(body: ReadableStream<Chunk>, onOver: () => void): ReadableStream {
  const reader = body.getReader();
  return new ReadableStream({
    type: 'bytes',
    async pull(controller): Promise<void> {
      try {
        const chunk = await nextChunk(reader); // (3)
        if (chunk !== undefined) {
          controller.enqueue(ownCopy(chunk));
          return;
        }
        onOver();
        controller.close();
        controller.byobRequest?.respond(0);
      } catch (error) {
        onOver();
        throw error;
      }
    },
    cancel(reason): Promise<void> {
      onOver();
      return reader.cancel(reason);
    },
  });
}

/** The next chunk that is not empty; undefined at the end. */
async function nextChunk(reader: ReadableStreamDefaultReader<Chunk>): Promise<Chunk | undefined> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    if (value.byteLength > 0) return value;
  }
}

/** A byte stream takes the whole buffer of a chunk away, which may not be the chunk's alone. */
function ownCopy(chunk: Chunk): Chunk {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : chunk.slice();
}

/** Gives `copy` what a response made by hand lacks. */
function readsAs(original: Response, copy: Response): Response {
  const { url, redirected, type } = original;
  const clone = copy.clone.bind(copy);
  return Object.defineProperties(copy, {
    url: { value: url, configurable: true },
    redirected: { value: redirected, configurable: true },
    type: { value: type, configurable: true },
    clone: { value: () => readsAs(original, clone()), configurable: true },
  });
}
