/**
 * Socket response: an upgraded connection in the place of a response, so that an upgrade lives as any request does.
 *
 * @module
 */

import type { EventEmitter } from 'node:events';

import type { HttpProblem } from '../problem.ts';
import type { OutgoingResponse } from './http-message.ts';

/** The socket of an upgrade. */
export interface UpgradeSocket extends Pick<EventEmitter, 'on' | 'once' | 'off'> {
  readonly writableEnded: boolean;
  readonly destroyed: boolean;
  readonly errored?: unknown;
  write(text: string | Uint8Array): boolean;
  end(text?: string): unknown;
  destroy(error?: Error): unknown;
}

/** An upgraded connection that passes for a response. It has a head as soon as its handler has it. */
export class SocketResponse implements OutgoingResponse {
  statusCode = 101;
  readonly #socket: UpgradeSocket;
  #isHandedOver = false;

  constructor(socket: UpgradeSocket) {
    this.#socket = socket;
    socket.on('error', () => {}); // node:http listens no more, and a client that resets would end the process; it is also closed
  }

  get headersSent(): boolean {
    return this.#isHandedOver;
  }

  get writableEnded(): boolean {
    return this.#socket.writableEnded;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  get errored(): unknown {
    return undefined; // a reset by the client is an error of the socket, and none of ours
  }

  /** From now on the handler writes on the socket. */
  handOver(): void {
    this.#isHandedOver = true;
  }

  /** Answers a problem, and nothing is upgraded. The connection is closed, also where the client leaves its side open. */
  refuse({ status, headers, body }: HttpProblem): void {
    this.statusCode = status;
    const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.once('finish', () => this.#socket.destroy());
    this.#socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('')}\r\n${body}`);
  }

  /** A client that ends its side is gone: an upgraded connection is not closed by that alone. */
  on(event: 'close', listener: () => void): unknown {
    this.#socket.on('end', listener);
    return this.#socket.on(event, listener);
  }

  once(event: 'close' | 'drain', listener: () => void): unknown {
    return this.#socket.once(event, listener);
  }

  off(event: 'close' | 'drain', listener: () => void): unknown {
    return this.#socket.off(event, listener);
  }

  write(chunk: string | Uint8Array): boolean {
    return this.#socket.write(chunk);
  }

  end(body?: string): unknown {
    return this.#socket.end(body);
  }

  destroy(): unknown {
    return this.#socket.destroy();
  }

  setHeader(): unknown {
    return this;
  }

  hasHeader(): boolean {
    return false;
  }

  removeHeader(): void {}

  writeHead(): unknown {
    return this;
  }
}
