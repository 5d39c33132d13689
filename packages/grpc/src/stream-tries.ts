/**
 * Stream tries: which of the tries of a policy has a stream, that can be read and written only once.
 *
 * Invariants
 *  (1) The first try that reads or writes a message has the stream; no other reads or writes one.
 *  (2) No try begins once one has the stream: it is given what that one has failed with.
 *
 * @module
 */

/** Takes the stream for the try that calls it. Throws where another one has it. */
export type Claim = () => void;

/** The tries at one stream. */
export class StreamTries {
  #owner: Claim | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;

  /** Runs one try, which claims the stream before each message that it reads or writes. */
  async run<T>(attempt: (claim: Claim) => T | PromiseLike<T>): Promise<T> {
    if (this.#owner !== undefined) throw this.#failure?.error ?? takenError(); // (2)
    const claim: Claim = () => {
      this.#owner ??= claim;
      if (this.#owner !== claim) throw takenError(); // (1)
    };
    try {
      return await attempt(claim);
    } catch (error) {
      if (this.#owner === claim) this.#failure = { error };
      throw error;
    }
  }
}

// --- internal ---

function takenError(): Error {
  return new Error('another try of this handler has the stream');
}
