/**
 * Fake response: a response that takes what it is given until it is told that it is full.
 *
 * @module
 */

import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';

/** What stands for a connection. */
export class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  isFull = false;
  destroyed = false;
  writableEnded = false;
  status = 0;

  /** The same, as those see it who write to it. */
  get asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  writeHead(status: number): this {
    this.status = status;
    return this;
  }

  write(text: string): boolean {
    this.written.push(text);
    return !this.isFull;
  }

  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  /** Takes what it was given, and is no longer full. */
  drain(): void {
    this.isFull = false;
    this.emit('drain');
  }
}
