/**
 * Client method: one method of a client, and how a call of it is attempted under its policies.
 *
 *   run ─► policies ─► attempt ── OK, or the first message ─────────► the caller's
 *                        ├─ a status that is not OK ─► typed error ─► policies, once more perhaps
 *                        └─ its context ends ─► cancelled
 *
 * Always
 *  - Under a context that has ended no call is started.
 *  - An attempt whose context ends is cancelled, and nothing of ours stays with an attempt that is over.
 *  - Once a message was taken from the caller's source, or came from the server, no other attempt begins.
 *  - A stream lives as long as the caller's context; the attempt's own is only for its start.
 *  - When the caller leaves a stream, it is cancelled; attempts that lost are, too.
 *
 * @module
 */

import type {
  CallOptions,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  Metadata,
  StatusObject,
} from '@grpc/grpc-js';
import { callHook, type Context, DeadlineExceededError, type Policy } from '@holdfast/core';

import type { GrpcCallOptions, GrpcMethod, GrpcSource } from './grpc-call.ts';
import { errorOfStatus, grpcStatusOf } from './grpc-error.ts';
import type { Outgoing } from './outgoing.ts';
import { isSource } from './source.ts';
import { SourcePump } from './source-pump.ts';

/** A method of a client of grpc-js, whatever it streams. */
export type ClientCall = (...args: never[]) => AnyCall;

/** What a method needs besides itself. */
export interface ClientMethodParts {
  readonly outgoing: Outgoing;
  readonly policy: Policy<unknown> | undefined;
}

/** One method. */
export class ClientMethod {
  readonly #method: GrpcMethod;
  readonly #call: (...args: unknown[]) => AnyCall;
  readonly #parts: ClientMethodParts;

  constructor(method: GrpcMethod, call: ClientCall, parts: ClientMethodParts) {
    this.#method = method;
    this.#call = call as (...args: unknown[]) => AnyCall;
    this.#parts = parts;
  }

  /** Calls it: returns a promise of the response, or an async iterable of the responses. */
  run(context: Context, input: unknown, options: GrpcCallOptions): unknown {
    switch (this.#method.kind) {
      case 'unary':
        return this.#underPolicy(context, (own) =>
          this.#attempt(own, options, (...rest) => this.#call(input, ...rest)),
        );
      case 'client-stream':
        return this.#promiseForStream(context, input as GrpcSource<unknown>, options);
      case 'server-stream':
        return this.#responses(context, { options, open: (...rest) => this.#call(input, ...rest) });
      case 'bidi': {
        const pump = new SourcePump(input as GrpcSource<unknown>);
        return this.#responses(context, { options, open: this.#call, pump });
      }
    }
  }

  // --- internal ---

  #underPolicy<T>(context: Context, operation: (own: Context) => Promise<T>): Promise<T> {
    const { policy } = this.#parts;
    return policy === undefined ? operation(context) : (policy.execute(operation, context) as Promise<T>);
  }

  /** What a call under `own` is sent with. Throws where there is no time left for it. */
  #sent(own: Context, { options, metadata }: GrpcCallOptions): readonly [Metadata, CallOptions] {
    const { outgoing } = this.#parts;
    own.throwIfCancelled();
    const deadline = outgoing.deadlineOf(own, options?.deadline);
    if (outgoing.hasPassed(deadline)) throw new DeadlineExceededError(`there is no time left for ${this.#method.path}`);
    return [outgoing.metadataOf(own, metadata), { ...options, deadline }];
  }

  /** One attempt at a call that is answered with one response. */
  #attempt(own: Context, options: GrpcCallOptions, open: Open, onOpen?: (call: AnyCall) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let unhook: (() => unknown) | undefined;
      let hasEnded = false;
      const answer = (error: unknown, response: unknown): void => {
        unhook?.();
        if (error === null || error === undefined) resolve(response);
        else if (!hasEnded) resolve(this.#fail(error, own));
      };
      const call = open(...this.#sent(own, options), answer);
      tellHooks(call, options, this.#method);
      unhook = own.onCancel((cause) => {
        hasEnded = true;
        reject(cause);
        call.cancel();
      });
      onOpen?.(call);
    });
  }

  async #promiseForStream(context: Context, source: GrpcSource<unknown>, options: GrpcCallOptions): Promise<unknown> {
    const pump = new SourcePump(source);
    const attempt = async (own: Context): Promise<unknown> => {
      pump.throwIfTaken();
      let failed: Promise<never> | undefined;
      const response = this.#attempt(own, options, this.#call, (call) => {
        failed = pump.feed(call as ClientWritableStream<unknown>);
      });
      try {
        return await Promise.race([response, failed].filter((each) => each !== undefined));
      } catch (error) {
        pump.note(error);
        throw error;
      } finally {
        if (failed !== undefined) pump.stop(); // it was this attempt that read; another may begin where none has
      }
    };
    return this.#underPolicy(context, attempt);
  }

  /** The responses of a call, which ends when their reader leaves, also while it waits for one. */
  #responses(context: Context, plan: StreamPlan): AsyncGenerator<unknown, void> {
    const own = context.withCancel();
    let hasLeft = false;
    const reading = this.#read(own, plan);
    const [next, leave] = [reading.next.bind(reading), reading.return.bind(reading)];
    return Object.assign(reading, {
      next: () =>
        next().catch((error: unknown) => (hasLeft ? { done: true, value: undefined } : Promise.reject(error))),
      return: (value: void) => {
        hasLeft = true;
        own.cancel(); // a generator hears of it only when what it waits for has come
        return leave(value);
      },
    });
  }

  /** Reads responses. The call begins with the first read. */
  async *#read(context: Context, plan: StreamPlan): AsyncGenerator<unknown, void> {
    const stream = await this.#start(context, plan);
    if (!(stream instanceof OpenStream)) {
      yield* substituteOf(stream, this.#method);
      return;
    }
    const unhook = context.onCancel(() => stream.call.cancel());
    try {
      let next = await stream.first;
      while (next.done !== true) {
        yield next.value;
        next = await stream.read();
      }
    } catch (error) {
      throw plan.pump?.sourceError ?? (await this.#errorFor(error, context));
    } finally {
      unhook();
      plan.pump?.stop();
      stream.call.cancel(); // of one that has ended it does nothing
    }
  }

  /** Begins a stream under the policies. What is no stream of an attempt is what a policy gives in its place. */
  async #start(context: Context, plan: StreamPlan): Promise<unknown> {
    const attempts: OpenStream[] = [];
    let won: unknown;
    try {
      won = await this.#underPolicy(context, (own) => this.#startOnce(own, { ...plan, context }, attempts));
      return attempts.includes(won as OpenStream) ? won : undefinedIfStream(won);
    } finally {
      for (const attempt of attempts) if (attempt !== won) attempt.call.cancel();
      if (!attempts.includes(won as OpenStream)) plan.pump?.stop();
    }
  }

  /** Opens a stream, and waits for its headers or its first message. */
  async #startOnce(own: Context, plan: BegunPlan, attempts: OpenStream[]): Promise<OpenStream> {
    const { open, options, pump, context } = plan;
    pump?.throwIfTaken();
    own.throwIfCancelled();
    const call = open(...this.#sent(context, options)) as ClientReadableStream<unknown>; // it may outlive this attempt
    call.on('error', ignoreIt); // what comes when nobody reads any more
    tellHooks(call, options, this.#method);
    const unhook = own.onCancel(() => call.cancel());
    const stream = new OpenStream(call);
    attempts.push(stream);
    const hasHeaders = new Promise<void>((resolve) => call.once('metadata', () => resolve()));
    const failed = pump?.feed(call as ClientDuplexStream<unknown, unknown>);
    try {
      await Promise.race([stream.first, hasHeaders, failed].filter((each) => each !== undefined));
    } catch (error) {
      const told = pump?.sourceError ?? (await this.#errorFor(error, own));
      pump?.note(told);
      throw told;
    } finally {
      unhook();
      stream.first.catch(ignoreIt);
    }
    return stream;
  }

  async #fail(error: unknown, own: Context): Promise<never> {
    throw await this.#errorFor(error, own);
  }

  /** The error for the caller: its context's cause, where that has ended, or is about to by its deadline. Never rejects. */
  async #errorFor(error: unknown, own: Context): Promise<unknown> {
    const received = errorOfStatus(error, this.#method.path);
    const isLate = grpcStatusOf(received) === 'DEADLINE_EXCEEDED';
    if (isLate && own.remainingMs() < SOON_MS) await new Promise((resolve) => own.onCancel(resolve));
    return own.cancelled ? own.cause : received;
  }
}

// --- internal ---

type AnyCall = ClientUnaryCall | ClientReadableStream<unknown> | ClientWritableStream<unknown>;
type Open = (...rest: unknown[]) => AnyCall;

interface StreamPlan {
  readonly options: GrpcCallOptions;
  readonly open: Open;
  readonly pump?: SourcePump;
}

interface BegunPlan extends StreamPlan {
  /** The caller's, by which the stream lives. */
  readonly context: Context;
}

/** A stream that has been opened. */
class OpenStream {
  readonly call: ClientReadableStream<unknown>;
  /** The first read. */
  readonly first: Promise<IteratorResult<unknown, void>>;
  readonly #iterator: AsyncIterator<unknown, void>;

  constructor(call: ClientReadableStream<unknown>) {
    this.call = call;
    this.#iterator = call[Symbol.asyncIterator]() as AsyncIterator<unknown, void>;
    this.first = this.#iterator.next();
  }

  read(): Promise<IteratorResult<unknown, void>> {
    return this.#iterator.next();
  }
}

/** What a fallback gives in place of a stream: its messages. A stream that others read, as of a cache, is none. */
function substituteOf(value: unknown, { path }: GrpcMethod): GrpcSource<unknown> {
  if (isSource(value)) return value;
  throw new TypeError(`in place of the stream of ${path}, a policy must give an iterable of messages`);
}

function undefinedIfStream(value: unknown): unknown {
  return value instanceof OpenStream ? undefined : value;
}

/** grpc-js and the server round deadlines down: they may say so a moment before the context itself ends. */
const SOON_MS = 10;

function ignoreIt(): void {}

function tellHooks(call: AnyCall, { onMetadata, onTrailers }: GrpcCallOptions, { path }: GrpcMethod): void {
  if (onMetadata !== undefined) call.once('metadata', (headers: Metadata) => callHook('onMetadata', path, () => onMetadata(headers))); // prettier-ignore
  if (onTrailers !== undefined)
    call.once('status', ({ metadata }: StatusObject) => callHook('onTrailers', path, () => onTrailers(metadata)));
}
