import type { Ruling } from '@holdfast/core/fleet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  WIRE_MAJOR,
  readInteger,
  readMessage,
  readRuling,
  readRulings,
  readWireName,
  stateLetter,
  wireName,
  wireNotes,
  wireNumber,
} from './wire.ts';

const states = ['closed', 'open', 'half-open', 'forced-open', 'forced-closed'] as const;
const anyText = fc.string({ unit: 'grapheme', maxLength: 20 });
const anyRuling: fc.Arbitrary<Ruling> = fc.record({
  id: anyText.filter((id) => id !== ''),
  epoch: fc.nat(2 ** 31).map((low) => 1_800_000_000_000_000 + low),
  state: fc.constantFrom(...states),
  remainingMs: fc.integer({ min: -1e9, max: 1e9 }),
  spanMs: fc.nat(1e9),
  reopenings: fc.nat(1000),
  free: fc.nat(10),
  notes: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), anyText.map(wireName)),
});

/** As the scripts write it. */
function written({ id, epoch, state, remainingMs, spanMs, reopenings, free, notes }: Ruling): string {
  const numbers = [remainingMs, spanMs, reopenings, free].map(String);
  return [wireName(id), String(epoch), stateLetter(state), ...numbers, ...wireNotes(notes)].join(',');
}

describe('wire', () => {
  it('(1) reads rulings and messages as they were written', () => {
    fc.assert(
      fc.property(fc.array(anyRuling), (rulings) => {
        expect(rulings.map(written).map(readRuling)).toEqual(rulings);
        const text = `${WIRE_MAJOR} n-17 5 1800000000000000 ${rulings.map(written).join(';')}`;
        expect(readMessage(text)).toEqual({
          incarnation: 'n-17',
          previous: 5,
          clock: 1_800_000_000_000_000,
          rulings,
          unreadable: [],
        });
      }),
    );
  });

  it('(1) reads names and numbers as they were written', () => {
    fc.assert(fc.property(anyText, (name) => readWireName(wireName(name)) === name));
    fc.assert(fc.property(fc.double({ min: -9e15, max: 9e15, noNaN: true }), (n) => Number(wireNumber(n)) === n));
    expect([wireName(''), wireName('-')]).toEqual(['-', '%2D']);
    expect([Infinity, -Infinity, Number.NaN].map(wireNumber)).toEqual(['9000000000000000', '-9000000000000000', '0']);
  });

  it('(2) passes over words and fields that a later minor version adds, and keeps its notes', () => {
    const text = '1 i 4 5 a,7,O,10,20,1,0,why=w,extra,later=x%20y;b,8,C,0,0,0,0 more words';

    expect(readMessage(text)?.rulings).toEqual([
      {
        id: 'a',
        epoch: 7,
        state: 'open',
        remainingMs: 10,
        spanMs: 20,
        reopenings: 1,
        free: 0,
        notes: { why: 'w', later: 'x%20y' },
      },
      { id: 'b', epoch: 8, state: 'closed', remainingMs: 0, spanMs: 0, reopenings: 0, free: 0, notes: {} },
    ]);
  });

  it('(3) tells a state that it does not know, and never takes it for another', () => {
    expect(readRulings(['a,7,Z,10,20,1,0', 'b,8,C,0,0,0,0', 'c,x,C,0,0,0,0', 'd,7,O,1'])).toMatchObject({
      rulings: [{ id: 'b' }],
      unreadable: [
        { id: 'a', epoch: 7, unreadable: 'Z' },
        { id: 'c', epoch: 0, unreadable: 'c,x,C,0,0,0,0' },
        { id: 'd', epoch: 7, unreadable: 'd,7,O,1' },
      ],
    });
  });

  it('(3) never throws, whatever arrives, and passes over other major versions', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        readRuling(text);
        readMessage(text);
        readMessage(`1 ${text}`);
      }),
    );
    expect(['2 i 4 5 a,7,O,10,20,1,0', '1 i x 5', '1 i 4', '', '1'].map(readMessage)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  }, 30_000);

  it('reads a message that tells nothing, and one before the first incarnation', () => {
    expect(readMessage('1 - 4 5 ')).toEqual({ incarnation: '', previous: 4, clock: 5, rulings: [], unreadable: [] });
  });

  it('reads whole numbers only', () => {
    expect(['7', '-7', '', '7.5', '1e5', '99999999999999999'].map(readInteger)).toEqual([
      7,
      -7,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });
});
