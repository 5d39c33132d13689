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
  /** The token of an operator. */
  readonly token: string;
}

/** Does what `act` asks for, in a story of `storyMs`. Rejects when the admin endpoint refuses. */
export async function operate(act: Act, admin: AdminAccess, storyMs: number): Promise<void> {
  if (act.operation !== 'switch-recommendations') return;
  await send(admin, {
    mode: 'cached',
    kind: 'atLeast', // whatever a level asks for besides
    actor: 'operator',
    reason: 'the recommender is down',
    expiresInMs: Math.round(act.shareRatio * storyMs), // nobody needs to remember to take it back
    restore: { shareRatios: [0.66, 0.33], stepMs: Math.round(storyMs * 0.03) },
  });
}

// --- internal ---

async function send({ url, token }: AdminAccess, change: object): Promise<void> {
  const { statusCode, body } = await request(`${url}/features/recommendations`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(change),
  });
  const answer = await body.text();
  if (statusCode >= 300) throw new Error(`the admin endpoint answered ${statusCode}: ${answer}`);
}
