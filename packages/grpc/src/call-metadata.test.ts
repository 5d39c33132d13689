import { logVerbosity, Metadata, setLogVerbosity } from '@grpc/grpc-js';
import { Context } from '@holdfast/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addKeptMetadata, grpcMetadataOf, keepMetadata, metadataNamesOf, withGrpcMetadata } from './call-metadata.ts';

const sentBy = (context: Context, names: unknown): Record<string, unknown> => {
  const metadata = new Metadata();
  addKeptMetadata(context, metadata, metadataNamesOf('send', names));
  return metadata.toJSON();
};
const over = (context: Context): Context => {
  const metadata = new Metadata();
  addKeptMetadata(context, metadata, metadataNamesOf('send', ['x-a', 'x-b', 'x-bytes-bin']));
  const wire = Metadata.fromHttp2Headers(metadata.toHttp2Headers() as never);
  return keepMetadata(Context.background, wire, metadataNamesOf('accept', 'all'));
};

describe('call metadata', { timeout: 60_000 }, () => {
  it('(1): leaves only where it is named', () => {
    const context = withGrpcMetadata(Context.background, { 'x-a': '1', 'x-b': '2', authorization: 'Bearer 3', 'grpc-tags-bin': Buffer.from('t'), cookie: 'c' }); // prettier-ignore

    expect(sentBy(context, [])).toEqual({});
    expect(sentBy(context, ['X-A'])).toEqual({ 'x-a': ['1'] });
    expect(sentBy(context, 'all')).toEqual({ 'x-a': ['1'], 'x-b': ['2'] });
    expect(sentBy(context, ['authorization'])).toEqual({ authorization: ['Bearer 3'] });
    expect(Object.keys(sentBy(context, ['grpc-tags-bin']))).toEqual(['grpc-tags-bin']);
  });

  it('(1): enters only where it is named', () => {
    const metadata = new Metadata();
    for (const name of ['x-a', 'x-b', 'authorization', 'cookie', 'grpc-trace']) metadata.set(name, 'value');
    const keptBy = (names: unknown) => {
      const context = keepMetadata(Context.background, metadata, metadataNamesOf('accept', names));
      return ['x-a', 'x-b', 'authorization', 'cookie', 'grpc-trace'].filter(
        (name) => grpcMetadataOf(context, name).length > 0,
      );
    };

    expect(keptBy([])).toEqual([]);
    expect(keptBy(['x-b'])).toEqual(['x-b']);
    expect(keptBy('all')).toEqual(['x-a', 'x-b']);
    expect(keptBy(['Authorization'])).toEqual(['authorization']);
  });

  it.each(['grpc-timeout', 'grpc-status', 'te', 'content-type', ':path', 'user-agent', '', 'x a', 'x-ä'])(
    '(1): cannot be of the protocol itself: %s',
    (name) => {
      expect(() => metadataNamesOf('accept', [name])).toThrow(/accept must be names of metadata/);
      expect(() => withGrpcMetadata(Context.background, { [name]: 'value' })).toThrow(TypeError);
    },
  );

  it('(2): keeps several values in their order, and bytes as bytes', () => {
    const bytes = [Buffer.from([0, 255, 10]), Buffer.from('')];
    const context = over(withGrpcMetadata(Context.background, { 'X-A': ['b', 'a', 'b'], 'x-bytes-bin': bytes }));

    expect(grpcMetadataOf(context, 'X-a')).toEqual(['b', 'a', 'b']);
    expect(grpcMetadataOf(context, 'x-bytes-bin')[0]).toEqual(bytes[0]);
    expect(grpcMetadataOf(context, 'x-bytes-bin')[1]).toHaveLength(0);
  });

  it('(2): does not replace what the call itself says, and an empty list takes a name out', () => {
    const metadata = new Metadata();
    metadata.set('x-a', 'own');
    const context = withGrpcMetadata(Context.background, { 'x-a': 'inherited' });
    addKeptMetadata(context, metadata, 'all');

    expect(metadata.get('x-a')).toEqual(['own']);
    expect(grpcMetadataOf(withGrpcMetadata(context, { 'x-a': [] }), 'x-a')).toEqual([]);
  });

  it('(3): carries any text, and passes on what came as it came', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const context = over(withGrpcMetadata(Context.background, { 'x-a': text }));
        expect(grpcMetadataOf(context, 'x-a')).toEqual([text]);
      }),
      { numRuns: 300 },
    );

    const foreign = new Metadata();
    foreign.set('x-a', '100% %zz');
    const context = keepMetadata(Context.background, foreign, 'all');
    expect(grpcMetadataOf(context, 'x-a')).toEqual(['100% %zz']);
    expect(sentBy(context, 'all')).toEqual({ 'x-a': ['100% %zz'] });
  });

  it.each<[name: string, value: unknown]>([
    ['x-a', 7],
    ['x-a', Buffer.from('x')],
    ['x-a-bin', 'text'],
    ['x-a', '\uD800'],
    ['x-a', undefined],
  ])('refuses what metadata cannot carry: %s = %s', (name, value) => {
    expect(() => withGrpcMetadata(Context.background, { [name]: value as never })).toThrow(TypeError);
  });

  it('(4): bears hostile metadata, and keeps no more than 8 KiB of it', () => {
    const hostile = { getMap: () => { throw new Error('mine'); }, get: () => [] } as unknown as Metadata; // prettier-ignore
    expect(keepMetadata(Context.background, hostile, 'all')).toBe(Context.background);

    setLogVerbosity(logVerbosity.NONE); // it tells of every entry that it leaves out
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 1500 }), { maxKeys: 12 }),
        (entries) => {
          const metadata = Metadata.fromHttp2Headers(entries);
          const context = keepMetadata(Context.background, metadata, 'all');
          const sent = new Metadata();
          try {
            addKeptMetadata(context, sent, 'all');
          } catch (error) {
            throw new Error(`threw for ${JSON.stringify(entries)}`, { cause: error });
          }
          expect(JSON.stringify(sent).length).toBeLessThan(5 * 8192);
        },
      ),
      { numRuns: 100 },
    );
  });
});
