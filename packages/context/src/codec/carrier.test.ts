import { createServer, type IncomingHttpHeaders, OutgoingMessage } from 'node:http';

import { describe, expect, it } from 'vitest';

import { clearCarrier, readCarrier, writeCarrier } from './carrier.ts';

const names = new Set(['x-a', 'x-b']);
const read = (carrier: unknown) => Object.fromEntries(readCarrier(carrier, names));

describe('a carrier', { timeout: 60_000 }, () => {
  it.each<[kind: string, make: () => object]>([
    ['headers of fetch', () => new Headers()],
    ['a Map', () => new Map()],
    ['a plain object', () => ({})],
    ['an object without prototype', () => Object.create(null) as object],
  ])('is written, read and cleared: %s', (_kind, make) => {
    const carrier = make();

    writeCarrier(carrier, 'x-a', '1');
    writeCarrier(carrier, 'y', '2');
    expect(read(carrier)).toEqual({ 'x-a': ['1'] });
    clearCarrier(carrier, (name) => name.startsWith('x-'));
    expect(read(carrier)).toEqual({});
    expect(readCarrier(carrier, new Set(['y'])).get('y')).toEqual(['2']);
  });

  it('is written and cleared through setHeader, as a response of node:http', () => {
    const message = new OutgoingMessage();

    writeCarrier(message, 'x-a', '1');
    writeCarrier(message, 'y', '2');
    expect(read(message)).toEqual({ 'x-a': ['1'] });
    clearCarrier(message, (name) => name.startsWith('x-'));

    expect(message.getHeaders()).toEqual({ y: '2' });
  });

  it('may have names of any case, and several values: texts, bytes, numbers', () => {
    const headers: IncomingHttpHeaders = { 'X-A': 'one', 'x-a': ['two', 'three'] };

    expect(read(headers)).toEqual({ 'x-a': ['one', 'two', 'three'] });
    expect(read({ 'x-a': Buffer.from('bytes'), 'x-b': [1, 2n, true, null, {}, ['nested']] })).toEqual({
      'x-a': ['bytes'],
      'x-b': ['1', '2'],
    });
  });

  it('is read by a function, where it needs a way of its own', () => {
    const pairs = ['x-a', '1', 'x-b', '2'];
    const found = readCarrier(pairs, names, (list: string[], name: string) => list[list.indexOf(name) + 1]);

    expect(Object.fromEntries(found)).toEqual({ 'x-a': ['1'], 'x-b': ['2'] });
  });

  it('(1): makes nothing throw, whatever it is', () => {
    const hostile = new Proxy({}, { ownKeys: () => { throw new Error('mine'); } }); // prettier-ignore
    const getter = Object.defineProperty({ 'x-b': 'b' }, 'x-a', { enumerable: true, get: () => { throw new Error('mine'); } }); // prettier-ignore
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();

    for (const carrier of [hostile, revoked.proxy, null, undefined, 5, 'x-a', () => {}, Symbol('x'), createServer])
      expect(read(carrier)).toEqual({});
    expect(read(getter)).toEqual({ 'x-b': ['b'] });
    expect(read({ get: () => { throw new Error('mine'); } })).toEqual({}); // prettier-ignore
    expect(readCarrier({}, names, () => { throw new Error('mine'); }).size).toBe(0); // prettier-ignore
  });

  it('(2): has nothing from its prototype', () => {
    expect(read(Object.create({ 'x-a': 'inherited' }))).toEqual({});
    expect(read(JSON.parse('{"__proto__":{"x-a":"polluted"}}'))).toEqual({});
  });

  it('(3): is read up to 16 values of a name, of up to 8192 characters', () => {
    const [longest, longer] = ['x'.repeat(8192), 'x'.repeat(8193)];

    expect(read({ 'x-a': Array.from({ length: 100 }, () => 'v') })['x-a']).toHaveLength(16);
    expect(read({ 'x-a': [longest, longer, Buffer.from(longer)], 'x-b': longer })).toEqual({ 'x-a': [longest] });
  });
});
