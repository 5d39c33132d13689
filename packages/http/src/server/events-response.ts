/**
 * Events response: server-sent events as a Fetch `Response`, for frameworks whose answers are such.
 *
 * @module
 */

import { type CancellableContext, callHook, type Context, requireContext } from '@holdfast/core';

import { ClientGoneError } from './request-error.ts';
import {
  beat,
  type EventStreamOptions,
  eventStreamHeaders,
  formatEvent,
  HEARTBEAT,
  resolveEventOptions,
  type ServerSentEvent,
} from './send-stream.ts';
import { flow, type StreamEnding, type StreamOptions, type StreamSource } from './stream-flow.ts';

/** Options of {@link eventsResponse}. */
export interface EventsResponseOptions extends EventStreamOptions {
  /** Told how the stream has ended. What the source throws is told to whoever reads the body, instead. */
  readonly onEnd?: (ending: StreamEnding) => unknown;
}

/**
 * Makes a Fetch `Response` of server-sent events, as for Hono. It is as `sendEvents` in all else: when the context ends, the reader
 * goes, or a limit passes, the source is stopped.
 *
 * @example
 * ```ts
 * app.get('/prices', (c) => eventsResponse(contextOf(c), (context) => prices(context)));
 * ```
 */
export function eventsResponse(
  context: Context,
  source: StreamSource<ServerSentEvent>,
  options: EventsResponseOptions = {},
): Response {
  requireContext('eventsResponse', context);
  const { onEnd, ...rest } = options;
  const body = new EventBody(context.withCancel(), resolveEventOptions(rest));
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => void body.run(controller, source, onEnd),
    pull: () => body.pull(),
    cancel: (reason: unknown) => body.cancel(reason),
  });
  return new Response(stream, { headers: { ...eventStreamHeaders } });
}

// --- internal ---

const encoder = new TextEncoder();

type Controller = ReadableStreamDefaultController<Uint8Array>;

class EventBody {
  readonly #context: CancellableContext;
  readonly #limits: Required<StreamOptions>;
  readonly #heartbeatMs: number;
  #onPull: (() => void) | undefined = undefined;

  constructor(context: CancellableContext, { limits, heartbeatMs }: ReturnType<typeof resolveEventOptions>) {
    this.#context = context;
    this.#limits = limits;
    this.#heartbeatMs = heartbeatMs;
  }

  async run(
    controller: Controller,
    source: StreamSource<ServerSentEvent>,
    onEnd: EventsResponseOptions['onEnd'],
  ): Promise<void> {
    const put = (text: string): void => controller.enqueue(encoder.encode(text));
    put(HEARTBEAT);
    const stop = beat(this.#heartbeatMs, this.#limits, () => this.#hasRoom(controller) && put(HEARTBEAT));
    const give = (event: ServerSentEvent): Promise<void> | undefined => {
      put(formatEvent(event));
      return this.#hasRoom(controller) ? undefined : new Promise((resolve) => (this.#onPull = resolve));
    };
    try {
      const ending = await flow(this.#context, { source, give, options: this.#limits });
      stop();
      if (ending.reason !== 'client-gone') controller.close();
      callHook('onEnd', undefined, () => onEnd?.(ending));
    } catch (error) {
      stop();
      controller.error(error);
    }
  }

  pull(): void {
    this.#onPull?.();
  }

  cancel(reason: unknown): void {
    this.#context.cancel(new ClientGoneError('http', reason));
  }

  #hasRoom({ desiredSize }: Controller): boolean {
    return desiredSize !== null && desiredSize > 0;
  }
}
