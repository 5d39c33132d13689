import { describe, expect, it } from 'vitest';

import type { Action, LiveEvent } from '../api/answers.ts';
import { announcementOf } from './announcement.ts';

function turn(id: string, to: 'open' | 'closed'): LiveEvent {
  return { type: 'circuit', data: { id, name: id, from: 'closed', to, hold: null, fleetHold: null, atMs: 0 } };
}

const action: Action = {
  id: '1',
  at: '',
  kind: 'feature.set',
  target: 'search',
  before: null,
  after: { mode: 'off' },
  actor: 'alice',
  reason: 'INC',
  role: 'operator',
  isUndoable: true,
};

describe('announcementOf', () => {
  it('tells the last state of a few circuits, how many more changed, and who did what', () => {
    const events = [turn('a', 'open'), turn('a', 'closed'), turn('b', 'open'), turn('c', 'open'), turn('d', 'open')];

    expect(announcementOf(events)).toBe('a is closed. b is open. c is open. 1 more circuits changed.');
    expect(announcementOf([{ type: 'action', data: action }])).toBe('alice set feature search to off.');
  });

  it('says nothing of samples', () => {
    expect(announcementOf([{ type: 'hello', data: { isResumed: true, atMs: 0 } }])).toBeUndefined();
  });

  it.each([
    ['circuit.held', { state: 'open', scope: 'process' }, 'held circuit search open in this process'],
    ['circuit.held', { state: 'open', scope: 'fleet' }, 'held circuit search open in the whole fleet'],
    [
      'circuit.unconfirmed',
      { wanted: 'release', scope: 'fleet' },
      'asked for a release of circuit search in the whole fleet, which the store did not confirm',
    ],
    ['circuit.released', null, 'released circuit search'],
    ['circuit.hold-expired', null, 'let the hold of circuit search expire'],
    ['feature.restored', {}, 'restored feature search'],
    ['policy.changed', { openForMs: 5 }, 'changed openForMs to 5 of search'],
    ['moon.landed', null, 'did moon.landed to search'],
  ])('says %s in words', (kind, after, words) => {
    const data = { ...action, kind, after };

    expect(announcementOf([{ type: 'action', data }])).toBe(`alice ${words}.`);
    expect(announcementOf([{ type: 'action', data: { ...data, undoes: '0' } }])).toBe(
      `alice ${words}, undoing what was done.`,
    );
  });
});
