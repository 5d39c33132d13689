/**
 * undici client: what of undici is used here, by its shape, so that versions 7 and 8 and whatever wraps them fit.
 *
 * @module
 */

/** The options of a request, as interceptors see them. */
export interface UndiciOptions {
  readonly origin?: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** What a handler can do to its request. */
export interface UndiciController {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: Error | null;
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** What hears how a request goes. */
export interface UndiciHandler {
  onRequestStart?(controller: UndiciController, context: unknown): void;
  onRequestUpgrade?(controller: UndiciController, statusCode: number, headers: object, socket: unknown): void;
  onResponseStart?(controller: UndiciController, statusCode: number, headers: object, statusMessage?: string): void;
  onResponseData?(controller: UndiciController, chunk: unknown): void;
  onResponseEnd?(controller: UndiciController, trailers: object): void;
  onResponseError?(controller: UndiciController, error: Error): void;
  onResponseStarted?(): void;
  onBodySent?(chunkSize: number, totalBytesSent: number): void;
}

/** Sends a request. */
export type UndiciDispatch = (options: any, handler: any) => boolean;

/** What `dispatcher.compose` takes. */
export type UndiciInterceptor = (dispatch: UndiciDispatch) => UndiciDispatch;
