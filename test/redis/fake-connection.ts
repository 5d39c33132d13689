/**
 * Fake connection: a connection to Redis that does what a test says, and notes what it was asked.
 *
 * @module
 */

import { EventEmitter } from 'node:events';

/** Answers a command: what it returns, or a promise of it, is the reply; what it throws is the error. */
export type Answer = (...args: readonly string[]) => unknown;

/** A connection that a test drives. */
export class FakeConnection extends EventEmitter {
  status = 'connecting';
  /** Commands in the order in which they were sent: `ping`, `subscribe a`. */
  readonly sent: string[] = [];
  /** How commands are answered; those that are not here are answered at once, with `OK`. */
  readonly answers: Record<string, Answer> = {};
  readonly options: Record<string, unknown> = {};
  /** Of a Cluster. */
  slots: string[][] = [];
  servers: FakeConnection[] = [];
  /** Connections that were made by duplicating this one. */
  readonly duplicates: FakeConnection[] = [];
  /** What disconnect was called with. */
  readonly disconnects: boolean[] = [];

  /** Becomes ready. */
  connect(): void {
    this.status = 'ready';
    this.emit('ready');
  }

  /** Loses its connection, and comes back when the test says so. */
  lose(): void {
    this.status = 'reconnecting';
    this.emit('close');
  }

  /** Ends for good. */
  end(): void {
    this.lose();
    this.status = 'end';
    this.emit('end');
  }

  disconnect(reconnect = false): void {
    this.disconnects.push(reconnect);
    if (reconnect) this.lose();
    else this.end();
  }

  duplicate(): FakeConnection {
    const duplicate = new FakeConnection();
    Object.assign(duplicate.answers, this.answers);
    this.duplicates.push(duplicate);
    return duplicate;
  }

  nodes(): FakeConnection[] {
    return this.servers;
  }

  refreshSlotsCache(): void {
    this.sent.push('refresh');
  }

  ping = (): Promise<unknown> => this.command('ping');
  subscribe = (channel: string): Promise<unknown> => this.command('subscribe', channel);
  ssubscribe = (channel: string): Promise<unknown> => this.command('ssubscribe', channel);
  evalsha = (sha: string, ...rest: string[]): Promise<unknown> => this.command('evalsha', sha, ...rest.map(String));
  eval = (text: string, ...rest: string[]): Promise<unknown> => this.command('eval', text, ...rest.map(String));
  lrange = (key: string, ...range: number[]): Promise<unknown> => this.command('lrange', key, ...range.map(String));

  private async command(name: string, ...args: string[]): Promise<unknown> {
    this.sent.push([name, ...args].join(' '));
    return (this.answers[name] ?? (() => 'OK'))(...args);
  }
}

/** Never answers. */
export function silence(): Promise<never> {
  return new Promise(() => {});
}

/** Answers with an error of the server. */
export function refusal(message: string): Answer {
  return () => {
    throw new Error(message);
  };
}
