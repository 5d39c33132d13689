/**
 * Lifecycle: what has been started is ended, last first, however the run ends.
 *
 *   running ── end of the run, SIGINT, SIGTERM,
 *      │       nobody reads the output ────────► draining ── all closed ─► ended (exit code 0)
 *      └────── uncaught error ─────────────────► draining ── all closed ─► ended (exit code 1)
 *              a second signal ────────────────────────────────────────► exit code 130 at once
 *
 * Invariants
 *  (1) Each closer is called once, in reverse order; one that fails or hangs does not keep the others from their turn.
 *  (2) A signal again within `ECHO_MS` is the same signal: npm, where it started this, passes on what the terminal has sent already.
 *  (3) What is started while everything closes is closed as well.
 *
 * @module
 */

/** Ends what was started. */
export interface Lifecycle {
  /** Has `close` called at the end. */
  defer(name: string, close: () => unknown): void;
  /** Resolves when a signal or an uncaught error asks for the end, with the exit code. */
  readonly asked: Promise<number>;
  /** Closes everything. May be called again. */
  drain(): Promise<void>;
}

/** Creates a lifecycle that listens to signals and uncaught errors of this process. */
export function createLifecycle(): Lifecycle {
  const closers: Closer[] = [];
  let drained: Promise<void> | undefined;
  return {
    defer(name, close) {
      closers.push({ name, close });
      if (drained !== undefined) drained = drained.then(() => closeAll(closers)); // (3)
    },
    asked: whenAsked(),
    drain: () => (drained ??= closeAll(closers)),
  };
}

// --- internal ---

interface Closer {
  readonly name: string;
  readonly close: () => unknown;
}

/** Milliseconds; npm is slow where the machine is busy. 0 where no npm passes anything on. */
const ECHO_MS = process.env['npm_lifecycle_event'] === undefined ? 0 : 1000;
const CLOSE_LIMIT_MS = 3000;

function whenAsked(): Promise<number> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const onSignal = (): void => {
      const now = performance.now();
      askedAt ??= now;
      if (now - askedAt > ECHO_MS) process.exit(130); // (2)
      resolve(0);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    const onError = (error: unknown): void => {
      console.error('storefront failed:', error);
      resolve(1);
    };
    process.stdout.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' ? resolve(0) : onError(error),
    );
    process.on('uncaughtException', onError);
    process.on('unhandledRejection', onError);
  });
}

async function closeAll(closers: Closer[]): Promise<void> {
  for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
    try {
      await withinLimit(closer);
    } catch (error) {
      console.error(`storefront could not close ${closer.name}:`, error); // (1)
    }
  }
}

async function withinLimit({ close }: Closer): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not closed within ${CLOSE_LIMIT_MS} ms`)), CLOSE_LIMIT_MS);
  });
  try {
    await Promise.race([close(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
