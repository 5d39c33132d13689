import { describe, expect, it } from 'vitest';

import type { Circuit, Hold } from '../api/answers.ts';
import { heldWords, otherHolds } from './holds.ts';

const held: Hold = {
  scope: 'process',
  state: 'closed',
  actor: 'alice',
  reason: 'why',
  expiresAt: '',
  remainingMs: 65_000,
};
const fleetHeld: Hold = { ...held, scope: 'fleet', state: 'open', actor: 'bob' };

function circuitOf(changes: Partial<Circuit>): Circuit {
  const base = { id: 'a', policyId: 'b', name: 'a', enforcement: 'enforce', scopes: ['process'] } as const;
  return { ...base, state: 'closed', hold: null, fleetHold: null, ...changes };
}

describe('holds', () => {
  it('are told by the one that makes the circuit what it is', () => {
    const both = { hold: held, fleetHold: fleetHeld };

    expect(heldWords(circuitOf({ ...both, state: 'forced-open' }), 0)).toBe('fleet, bob, 1:05 left');
    expect(heldWords(circuitOf({ hold: held, state: 'forced-closed' }), 5000)).toBe('alice, 1:00 left');
    const holds = [{ owner: 'controller', state: 'forced-open', remainingMs: null }];
    expect(heldWords(circuitOf({ hold: held, holds, state: 'forced-open' }), 0)).toBe('by controller');
    expect(heldWords(circuitOf({ state: 'forced-open' }), 0)).toBe('by the service');
  });

  it('names who else holds it, also beside a hold of our own', () => {
    const holds = [
      { owner: 'console 12345678', state: 'forced-closed', reason: 'alice: why', remainingMs: 5 },
      { owner: 'fleet', state: 'forced-open', reason: 'bob: why', remainingMs: 5 },
      { owner: 'console 87654321', state: 'forced-open', reason: 'carol: why', remainingMs: 5 },
      { owner: 'controller', state: 'forced-open', remainingMs: null },
    ];

    expect(otherHolds(circuitOf({ hold: held, fleetHold: fleetHeld, holds })).map(({ owner }) => owner)).toEqual([
      'console 87654321',
      'controller',
    ]);
    expect(otherHolds(circuitOf({}))).toEqual([]);
  });
});
