/**
 * Flaky dependency: what the processes of a fleet call, over HTTP, and where their calls are counted.
 *
 * Counting where the calls arrive is the only count that proves anything: a caller may be killed, or may not know that its
 * call went out.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { callerHeader } from './dependency-caller.ts';
import { freePort } from './free-port.ts';

/** How a dependency answers. */
type Health =
  /** 200 at once. */
  | 'ok'
  /** 503 at once. */
  | 'failing'
  /** The connection is reset without an answer. */
  | 'resetting'
  /** No answer until another health is set; then one by that health. */
  | 'hanging'
  /** An answer after `afterMs`. */
  | { readonly answer: 'ok' | 'failing'; readonly afterMs: number };

/** What has arrived in a phase. */
interface DependencyCounts {
  /** Calls that arrived in this phase. */
  readonly calls: number;
  /** Calls that are under way now, those of earlier phases too. */
  readonly underWay: number;
  /** The most that were under way at once in this phase. */
  readonly maxUnderWay: number;
  /** Calls that arrived in this phase, by the name that the caller gave in {@link callerHeader}. */
  readonly callsBy: Readonly<Record<string, number>>;
}

/** A dependency of our own. */
export interface FlakyDependency {
  readonly url: string;
  set(health: Health): void;
  /** What has arrived since the last {@link nextPhase}, or the start. */
  counts(): DependencyCounts;
  /** Returns the counts of the phase that ends, and begins the next. */
  nextPhase(): DependencyCounts;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a dependency that is `ok`. */
export async function startFlakyDependency(): Promise<FlakyDependency> {
  const dependency = new LiveDependency(await freePort());
  await dependency.start();
  return dependency;
}

// --- internal ---

const host = '127.0.0.1';

class LiveDependency implements FlakyDependency {
  readonly url: string;
  readonly #port: number;
  readonly #server: Server;
  readonly #underWay = new Set<ServerResponse>();
  readonly #hanging = new Set<ServerResponse>();
  #health: Health = 'ok';
  #calls = 0;
  #maxUnderWay = 0;
  #callsBy: Record<string, number> = {};

  constructor(port: number) {
    this.#port = port;
    this.url = `http://${host}:${port}/`;
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => this.#take(request, response));
  }

  async start(): Promise<void> {
    this.#server.listen(this.#port, host);
    await once(this.#server, 'listening');
  }

  set(health: Health): void {
    this.#health = health;
    if (health === 'hanging') return;
    const released = [...this.#hanging];
    this.#hanging.clear();
    for (const response of released) this.#answer(response);
  }

  counts(): DependencyCounts {
    return {
      calls: this.#calls,
      underWay: this.#underWay.size,
      maxUnderWay: this.#maxUnderWay,
      callsBy: { ...this.#callsBy },
    };
  }

  nextPhase(): DependencyCounts {
    const counts = this.counts();
    this.#calls = 0;
    this.#callsBy = {};
    this.#maxUnderWay = this.#underWay.size;
    return counts;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const caller = String(request.headers[callerHeader] ?? 'unnamed');
    this.#calls += 1;
    this.#callsBy[caller] = (this.#callsBy[caller] ?? 0) + 1;
    this.#underWay.add(response);
    this.#maxUnderWay = Math.max(this.#maxUnderWay, this.#underWay.size);
    response.once('close', () => {
      this.#underWay.delete(response);
      this.#hanging.delete(response);
    });
    request.resume();
    this.#answer(response);
  }

  #answer(response: ServerResponse): void {
    const health = this.#health;
    if (health === 'hanging') this.#hanging.add(response);
    else if (health === 'resetting') response.socket?.resetAndDestroy();
    else if (typeof health === 'string') end(response, health);
    else setTimeout(() => end(response, health.answer), health.afterMs);
  }
}

function end(response: ServerResponse, answer: 'ok' | 'failing'): void {
  response.statusCode = answer === 'ok' ? 200 : 503;
  response.end(answer);
}
