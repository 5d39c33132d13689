/**
 * Load: clients that order from a shop one order after the other, on connections that they keep, for as long as the platform
 * would route them there: until the readiness probe has failed.
 *
 * @module
 */

import { once } from 'node:events';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';

import { sleep } from '../redis-lab/eventually.ts';

/** What the clients have seen. */
interface LoadResult {
  /** Ids of the orders that were answered with 200. */
  readonly answered: readonly number[];
  /** What went wrong with the others. */
  readonly failures: readonly string[];
}

/** Clients under way. */
export interface Load {
  /** Orders that were answered so far. */
  answeredCount(): number;
  /** Resolves when all clients have stopped, because the shop is not ready any more. */
  readonly done: Promise<LoadResult>;
}

/** Starts `clientCount` clients. They look at `probeUrl` every `probeEveryMs` milliseconds, as a platform would. */
export function startLoad(url: string, probeUrl: string, clientCount: number, probeEveryMs = 50): Load {
  const answered: number[] = [];
  const failures: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: clientCount });
  const platform = { isReady: true };
  const watch = async (): Promise<void> => {
    while (platform.isReady) {
      await sleep(probeEveryMs);
      platform.isReady = (await fetch(`${probeUrl}/readyz`)).status === 200;
    }
  };
  const buy = async (): Promise<void> => {
    while (platform.isReady) {
      try {
        answered.push(await order(`${url}/orders`, agent));
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const done = Promise.all([watch(), ...Array.from({ length: clientCount }, buy)]).then(() => {
    agent.destroy();
    return { answered, failures };
  });
  return { answeredCount: () => answered.length, done };
}

// --- internal ---

/** Orders once, with a body. Returns the id of the order. */
async function order(url: string, agent: Agent): Promise<number> {
  const request = httpRequest(url, { method: 'POST', agent });
  request.end(JSON.stringify({ goods: 'x'.repeat(1000) }));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  return (JSON.parse(body) as { readonly id: number }).id;
}
