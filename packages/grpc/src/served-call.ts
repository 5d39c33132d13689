/**
 * Served call: one call at the server, from its metadata until nothing of it is left, and its context.
 *
 *   new ── metadata ──► refused (draining, or no time left): the handler is never called
 *    │                     └─► over
 *    └── metadata ──► running ── the handler's status ─────────────► answered ── trailers sent, or the client gone ──► over
 *                        ├── the context's deadline: DEADLINE_EXCEEDED ──┘
 *                        └── the client cancels, or is gone: the context is cancelled ──────────────────────────────► over
 *
 * Always
 *  - A call is refused before its handler is called, or its handler is called once.
 *  - One status is sent; what comes after it is dropped.
 *  - The context is ended by the client only while no status was sent: grpc-js says "cancelled" after every end.
 *  - A stream of requests that was cut off never looks complete: grpc-js says "half-closed" first, then "cancelled".
 *  - When a status was sent, or the call is over, nothing of ours stays with it.
 *
 * @module
 */

import { type Metadata, ServerInterceptingCall, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import {
  type CancellableContext,
  CancelledError,
  type Context,
  DeadlineExceededError,
  type RunInFlight,
} from '@holdfast/core';

import { finalStatus, type FinalStatus, statusOfError } from './error-status.ts';

type PartialStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** What a call needs of its server. */
export interface ServedCallPorts {
  /** Admits the call: returns its context, or the status by which it is refused. */
  admit(call: ServedCall, metadata: Metadata): CancellableContext | FinalStatus;
  /** Calls `callback` when a cancel that is on its way would have come. */
  afterCancels(callback: () => void): void;
  /** Whether the time that the client gave has passed by now, or is about to. */
  hasPassed(call: ServedCall): boolean;
  /** Told once, when a call that was admitted is over. */
  onOver(call: ServedCall): void;
}

/** One call. */
export class ServedCall {
  /** Path of its method. */
  readonly name: string;
  readonly isUnary: boolean;
  readonly next: ServerInterceptingCallInterface;
  /** What grpc-js goes on with. */
  readonly intercepting: ServerInterceptingCall;
  /** Set when it is admitted. */
  run: RunInFlight<ServedCall> | undefined;
  readonly #ports: ServedCallPorts;
  #state: 'new' | 'running' | 'answered' | 'over' = 'new';
  #context: CancellableContext | undefined;
  #sentCode: number | undefined;
  #unhook = (): unknown => undefined;

  constructor(method: CalledMethod, next: ServerInterceptingCallInterface, ports: ServedCallPorts) {
    this.name = method.path;
    this.isUnary = !method.requestStream && !method.responseStream;
    this.next = next;
    this.#ports = ports;
    this.intercepting = new ServerInterceptingCall(next, {
      start: (proceed) =>
        proceed({
          onReceiveMetadata: (metadata, pass) => this.#begin(metadata, pass),
          onReceiveHalfClose: (pass) => (method.requestStream ? ports.afterCancels(pass) : pass()),
          onCancel: () => this.#end(),
        }),
      sendStatus: (status, pass) => this.#answer(status, pass),
    });
  }

  /** Its context; undefined before it is admitted. */
  get context(): Context | undefined {
    return this.#context;
  }

  /** The code of the status that was sent; undefined while none was. */
  get sentCode(): number | undefined {
    return this.#sentCode;
  }

  /** Ends its context while it runs, as a drain does when its time runs out. The handler may still answer. */
  cancel(cause: unknown): void {
    if (this.#state === 'running') this.#context?.cancel(cause);
  }

  // --- internal ---

  #begin(metadata: Metadata, pass: (metadata: Metadata) => void): void {
    const admitted = this.#ports.admit(this, metadata);
    if ('details' in admitted) {
      this.intercepting.sendStatus(admitted);
      return;
    }
    this.#state = 'running';
    this.#context = admitted;
    this.#unhook = admitted.onCancel((cause) => {
      if (admitted.endedBy === 'deadline') this.intercepting.sendStatus(statusOfError(cause));
    });
    pass(metadata);
  }

  #answer(status: PartialStatus, pass: (status: PartialStatus) => void): void {
    if (this.#sentCode !== undefined) return;
    this.#sentCode = status.code;
    if (this.#state === 'running') this.#state = 'answered';
    this.#unhook();
    pass(status);
  }

  /** The stream is closed, or its status has been sent: by the handler, or by grpc-js itself. */
  #end(): void {
    const before = this.#state;
    this.#state = 'over';
    this.#unhook();
    if (before === 'running') this.#context?.cancel(this.#causeOfEnd());
    if (before === 'running' || before === 'answered') this.#ports.onOver(this);
  }

  #causeOfEnd(): Error {
    if (this.#ports.hasPassed(this)) return new DeadlineExceededError('the deadline of the call passed');
    return new CancelledError('the client has cancelled the call, or is gone');
  }
}

/** The status of a call that comes too late. */
export function expiredStatus(): FinalStatus {
  return finalStatus('DEADLINE_EXCEEDED', 'the deadline had passed when the call came');
}

/** The status of a call that comes while the server drains. */
export function drainingStatus(): FinalStatus {
  return finalStatus('UNAVAILABLE', 'the server is shutting down');
}

// --- internal ---

interface CalledMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}
