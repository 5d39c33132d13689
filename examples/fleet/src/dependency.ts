/**
 * Dependency: what all processes call, over HTTP. It fails when the story says so, and counts the calls that really arrive:
 * the only count that proves anything about probes.
 *
 * @module
 */

import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call that has arrived. */
interface Arrival {
  readonly caller: string;
  /** Milliseconds, on the clock of this process. */
  readonly at: number;
}

/** What has arrived since a moment. */
interface Watch {
  readonly arrivals: readonly Arrival[];
  /** The most calls that were under way at once, in all and of one caller. */
  readonly mostAtOnce: number;
  readonly mostOfOneCaller: number;
}

/** What all processes call. */
export interface Dependency {
  readonly url: string;
  isFailing: boolean;
  /** Calls that have arrived since the start. */
  readonly calls: number;
  readonly underWay: number;
  /** What has arrived since the last {@link watch}, up to the first answer that was no failure. */
  readonly watched: Watch;
  /** Counts from now on; what is under way counts. */
  watch(): void;
  close(): Promise<void>;
}

/** The header that names the caller. */
export const callerHeader = 'x-caller';

/** Starts a dependency that is well. */
export async function startDependency(): Promise<Dependency> {
  const dependency = new FlakyDependency();
  await dependency.listen();
  return dependency;
}

// --- internal ---

/** Time that an answer takes, so that calls which overlap are seen to. Milliseconds. */
const ANSWER_MS = 40;

class FlakyDependency implements Dependency {
  url = '';
  isFailing = false;
  calls = 0;
  underWay = 0;
  private readonly byCaller = new Map<string, number>();
  private arrivals: Arrival[] = [];
  private mostAtOnce = 0;
  private mostOfOneCaller = 0;
  private isWatching = false;
  private readonly server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    this.take(request, response),
  );

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  get watched(): Watch {
    const { arrivals, mostAtOnce, mostOfOneCaller } = this;
    return { arrivals, mostAtOnce, mostOfOneCaller };
  }

  watch(): void {
    this.isWatching = true;
    this.arrivals = [];
    this.mostAtOnce = this.underWay;
    this.mostOfOneCaller = Math.max(0, ...this.byCaller.values());
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const caller = String(request.headers[callerHeader] ?? 'unnamed');
    this.calls++;
    this.underWay++;
    const ofCaller = (this.byCaller.get(caller) ?? 0) + 1;
    this.byCaller.set(caller, ofCaller);
    if (this.isWatching) this.note(caller, ofCaller);
    response.once('close', () => {
      this.underWay--;
      this.byCaller.set(caller, (this.byCaller.get(caller) ?? 1) - 1);
    });
    setTimeout(() => this.answer(response), ANSWER_MS);
  }

  private note(caller: string, ofCaller: number): void {
    this.arrivals.push({ caller, at: performance.now() });
    this.mostAtOnce = Math.max(this.mostAtOnce, this.underWay);
    this.mostOfOneCaller = Math.max(this.mostOfOneCaller, ofCaller);
  }

  private answer(response: ServerResponse): void {
    if (!this.isFailing) this.isWatching = false; // from here on circuits may close
    response.statusCode = this.isFailing ? 503 : 200;
    response.end();
  }
}
