/**
 * Fake exchange: a request and a response without a server, for what is a matter of order and of time alone.
 *
 * @module
 */

import { EventEmitter } from 'node:events';

import type { IncomingRequest, OutgoingResponse } from '@holdfast/http';

/** A response that keeps what it is given. */
export class FakeResponse extends EventEmitter implements OutgoingResponse {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  destroyed = false;
  errored: unknown = null;
  shouldKeepAlive = true;
  body = '';
  /** What `write` answers: whether there is room. */
  hasRoom = true;
  readonly headers = new Map<string, string>();

  setHeader(name: string, value: string): this {
    if (this.headersSent) throw new Error('ERR_HTTP_HEADERS_SENT');
    this.headers.set(name, value);
    return this;
  }

  hasHeader(name: string): boolean {
    return this.headers.has(name);
  }

  removeHeader(name: string): void {
    this.headers.delete(name);
  }

  writeHead(status: number): this {
    this.statusCode = status;
    this.headersSent = true;
    return this;
  }

  write(chunk: string | Uint8Array): boolean {
    if (!this.headersSent) this.writeHead(this.statusCode);
    this.body += String(chunk);
    return this.hasRoom;
  }

  end(body = ''): this {
    this.write(body);
    this.writableEnded = true;
    return this;
  }

  destroy(): this {
    this.destroyed = true;
    this.close();
    return this;
  }

  /** What comes when the answer is complete, or the client has gone. */
  close(): void {
    this.emit('close');
  }
}

/** A request and its response. */
export interface FakeExchange {
  readonly request: IncomingRequest & { readonly socket: EventEmitter };
  readonly response: FakeResponse;
}

/** Makes a request with `headers`, and its response. */
export function fakeExchange(headers: Record<string, string> = {}, socket = new EventEmitter()): FakeExchange {
  return { request: { headers, method: 'GET', url: '/', httpVersionMajor: 1, socket }, response: new FakeResponse() };
}
