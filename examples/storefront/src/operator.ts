/**
 * Operator: does what the story asks of people on call, through the admin endpoint, as they would.
 *
 * @module
 */

import { request } from 'undici';

import type { Act } from './story.ts';

/** Where the admin endpoint is, and what opens it. */
export interface AdminAccess {
  readonly url: string;
  readonly token: string;
}

/** Does what `act` asks for. Rejects when the admin endpoint refuses. */
export async function operate(act: Act, admin: AdminAccess, expiresInMs: number): Promise<void> {
  const actor = 'operator';
  if (act.operation === 'switch-recommendations') {
    const change = { mode: 'cached', actor, reason: 'the recommender is down', expiresInMs: Math.ceil(expiresInMs) };
    await send(admin, 'PUT', change);
  } else if (act.operation === 'restore-recommendations') {
    await send(admin, 'DELETE', { actor, reason: 'the recommender is back' });
  }
}

// --- internal ---

async function send({ url, token }: AdminAccess, method: 'PUT' | 'DELETE', change: object): Promise<void> {
  const { statusCode, body } = await request(`${url}/features/recommendations`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(change),
  });
  const answer = await body.text();
  if (statusCode >= 300) throw new Error(`the admin endpoint answered ${statusCode}: ${answer}`);
}
