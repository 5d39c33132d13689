/**
 * Lifecycle: what has been started is ended, last first, however the run ends.
 *
 *   running ── end of the story, SIGINT, SIGTERM, nobody reads the output ─► draining ─► ended
 *      └────── uncaught error ─► draining ─► ended (exit code 1)        a second signal ─► exit code 130 at once
 *
 * Invariants
 *  (1) Each closer is called once, in reverse order; one that fails or hangs does not keep the others from their turn.
 *  (2) A signal again within `ECHO_MS` is the same signal: npm, where it started this, passes on what the terminal has sent already.
 *
 * @module
 */

import { type Wait, sleep } from './waiting.ts';

/** Ends what was started. */
export interface Lifecycle {
  /** Aborts as soon as the run is to end. */
  readonly signal: AbortSignal;
  /** What went wrong outside of everything else; undefined where nothing did. */
  readonly failure: unknown;
  /** Has `close` called at the end. */
  defer(name: string, close: () => unknown): void;
  /** Closes everything. */
  drain(): Promise<void>;
}

/** Creates a lifecycle that listens to signals and uncaught errors of this process. */
export function createLifecycle(): Lifecycle {
  const controller = new AbortController();
  const closers: Closer[] = [];
  const lifecycle = {
    signal: controller.signal,
    failure: undefined as unknown,
    defer: (name: string, close: () => unknown) => void closers.push({ name, close }),
    async drain() {
      controller.abort();
      for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await end(closer); // (1)
    },
  };
  listen(controller, (error) => (lifecycle.failure ??= error));
  return lifecycle;
}

// --- internal ---

interface Closer {
  readonly name: string;
  readonly close: () => unknown;
}

/** Milliseconds; npm is slow where the machine is busy. 0 where no npm passes anything on. */
const ECHO_MS = process.env['npm_lifecycle_event'] === undefined ? 0 : 1000;
const CLOSE_LIMIT: Wait = { ms: 5000 };

function listen(controller: AbortController, onFailure: (error: unknown) => void): void {
  let askedAt: number | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    askedAt ??= now;
    if (now - askedAt > ECHO_MS) process.exit(130); // (2)
    controller.abort();
  };
  const onError = (error: unknown): void => {
    onFailure(error);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EPIPE' ? controller.abort() : onError(error),
  );
}

async function end({ name, close }: Closer): Promise<void> {
  const limit = new AbortController();
  const tooLate = async (): Promise<never> => {
    await sleep({ ...CLOSE_LIMIT, signal: limit.signal });
    throw new Error(`not closed within ${CLOSE_LIMIT.ms} ms`);
  };
  try {
    const late = tooLate();
    late.catch(() => {}); // where the other is first
    await Promise.race([close(), late]);
  } catch (error) {
    console.error(`fleet could not close ${name}:`, error);
  } finally {
    limit.abort();
  }
}
