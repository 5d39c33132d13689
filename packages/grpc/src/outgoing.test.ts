import { Metadata } from '@grpc/grpc-js';
import { createContextCodec, requestId } from '@holdfast/context';
import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { getDeadlineTimeoutString } from '../../../node_modules/@grpc/grpc-js/build/src/deadline.js';
import { Outgoing, outgoingDefaults } from './outgoing.ts';

const unitsMs: Readonly<Record<string, number>> = { m: 1, S: 1000, M: 60_000, H: 3_600_000 };

function toldMs(leftMs: number): number {
  const outgoing = new Outgoing('test', { ...outgoingDefaults, wallClock: () => Date.now() });
  const deadline = outgoing.deadlineOf(Context.withClock(virtualClock()).withTimeout(leftMs), undefined);
  if (deadline === Infinity) return Infinity;
  const text = getDeadlineTimeoutString(deadline);
  return Number(text.slice(0, -1)) * (unitsMs[text.at(-1) as string] as number);
}

describe('what goes with a call', { timeout: 60_000 }, () => {
  it('(1): is never more time than is left, in what grpc-js makes of it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2_147_483_647, noNaN: true }), (leftMs) => {
        expect(toldMs(leftMs)).toBeLessThanOrEqual(leftMs);
        expect(toldMs(leftMs)).toBeGreaterThan(leftMs - 10_000);
      }),
    );
  });

  it.each([2_147_483_648, 30 * 86_400_000, 1e11])('(1): is no time above 24.8 days: %s ms', (leftMs) => {
    expect(toldMs(leftMs)).toBe(Infinity);
  });

  it('(1): is the earlier of the context and of what the call says', () => {
    const outgoing = new Outgoing('test', { ...outgoingDefaults, wallClock: () => 1_000_000 });
    const context = Context.withClock(virtualClock()).withTimeout(500);

    expect(outgoing.deadlineOf(context, 1_000_100)).toBe(1_000_100);
    expect(outgoing.deadlineOf(context, new Date(1_000_900))).toBe(1_000_500);
    expect(outgoing.deadlineOf(context, undefined)).toBe(1_000_500);
    expect(outgoing.deadlineOf(context, new Date('no date'))).toBe(1_000_500);
    expect(outgoing.hasPassed(1_000_000)).toBe(true);
    expect(outgoing.hasPassed(1_000_001)).toBe(false);
  });

  it('(2): leaves the metadata that was handed in as it is', () => {
    const codec = createContextCodec({ timeLeft: ['grpc-timeout', 'x-request-timeout'] });
    const outgoing = new Outgoing('test', { ...outgoingDefaults, codec });
    const own = new Metadata();
    own.set('x-own', '1');
    const context = Context.background.withValue(requestId, 'r-1').withTimeout(60_000);

    const sent = outgoing.metadataOf(context, own);

    expect(own.toJSON()).toEqual({ 'x-own': ['1'] });
    expect(Object.keys(sent.toJSON()).toSorted()).toEqual(['x-own', 'x-request-id', 'x-request-timeout']);
  });

  it.each<[option: string, options: object]>([
    ['codec', { codec: {} }],
    ['send', { send: 'some' }],
    ['send', { send: ['grpc-status'] }],
    ['wallClock', { wallClock: 7 }],
  ])('refuses %s that is not valid', (option, options) => {
    expect(() => new Outgoing('test', { ...outgoingDefaults, ...options })).toThrow(`test.${option}`);
  });
});
