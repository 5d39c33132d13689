/**
 * Warm-up: visits every page and checkout a few times before shoppers come, as a deployment does before it takes traffic.
 * It fills the shop's memory of last known answers, and lets the compiler see the hot paths.
 *
 * @module
 */

import { Agent, request } from 'undici';

import { assortment } from './goods.ts';

/** Visits all pages of the shops at `urls`. Answers are not judged; a shop that cannot be reached rejects. */
export async function warmUp(urls: readonly string[]): Promise<void> {
  const agent = new Agent({ connections: 10 });
  try {
    for (let pass = 0; pass < PASSES; pass++) {
      for (const { id } of assortment) {
        await Promise.all(urls.flatMap((url) => [visit(agent, `${url}/products/${id}`), buy(agent, url, id)]));
      }
    }
  } finally {
    await agent.destroy();
  }
}

// --- internal ---

const PASSES = 2;

async function visit(agent: Agent, url: string): Promise<void> {
  const { body } = await request(url, { dispatcher: agent });
  await body.dump();
}

async function buy(agent: Agent, url: string, productId: string): Promise<void> {
  const { body } = await request(`${url}/checkout`, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ productId }),
  });
  await body.dump();
}
