/**
 * Fault: the error of an operation that fails.
 *
 * @module
 */

/** Made without a stack, which would cost more than the call. */
export class Fault extends Error {
  /** Whether the fallback leaves it to the caller. */
  readonly isFinal: boolean;

  constructor(isFinal: boolean) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super('a fault');
    Error.stackTraceLimit = stackTraceLimit;
    this.isFinal = isFinal;
  }
}
