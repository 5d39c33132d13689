/** Metadata over hops: what is named, and never anything else. */

import { logVerbosity, Metadata, setLogVerbosity } from '@grpc/grpc-js';
import { createContextCodec, defineContextSchema, requestId } from '@holdfast/context';
import { Context } from '@holdfast/core';
import { createGrpcClient, grpcMetadataOf, withGrpcMetadata } from '@holdfast/grpc';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { type Note, openClient, type ShopServer, startShop } from './shop.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

type Handle = (context: Context, metadata: Metadata) => unknown;

async function shop(handle: Handle, options: Parameters<typeof startShop>[1] = {}): Promise<ShopServer> {
  const started = await startShop(
    (serving) => ({
      get: serving.handleUnary<Note, Note>(async (context, request, call) => {
        await handle(context, call.metadata);
        return request;
      }),
    }),
    options,
  );
  open.push({ close: () => started.stop() });
  return started;
}
function clientOf(server: ShopServer, options: Parameters<typeof createGrpcClient>[1] = {}) {
  const client = openClient(server.port);
  open.push(client);
  return createGrpcClient(client, options);
}

describe('metadata', () => {
  it('goes from hop to hop where every border names it, with all its values, and no further', async () => {
    const seen: Record<string, unknown>[] = [];
    const schema = defineContextSchema({
      version: '1.0',
      fields: { city: { type: 'text' }, secret: { type: 'text' } },
    });
    const codec = createContextCodec({ schema, timeLeft: [], send: ['city'], accept: ['city'] });
    const note: Handle = (context, metadata) => {
      seen.push({
        city: context.value(schema.keys.city),
        secret: context.value(schema.keys.secret),
        tenant: grpcMetadataOf(context, 'x-tenant'),
        bytes: grpcMetadataOf(context, 'x-bytes-bin').map((value) => Buffer.from(value as Uint8Array).toString('hex')),
        other: grpcMetadataOf(context, 'x-other'),
        authorization: grpcMetadataOf(context, 'authorization'),
        id: context.value(requestId),
        onWire: Object.keys(metadata.getMap()).filter((name) => name !== 'user-agent').toSorted(), // prettier-ignore
      });
    };
    const names = ['x-tenant', 'x-bytes-bin'];
    const last = await shop(note, { accept: 'all', codec });
    const toLast = clientOf(last, { send: 'all', codec });
    const middle = await shop(
      async (context, metadata) => {
        note(context, metadata);
        await toLast.get(context, { text: '' });
      },
      { accept: names, codec },
    );
    const toMiddle = clientOf(middle, { send: [...names, 'authorization', 'x-other'], codec });
    const context = withGrpcMetadata(Context.background, {
      'x-tenant': ['张三', 'b, c', ' 100% '],
      'x-bytes-bin': [Buffer.from([0, 255]), Buffer.from([7])],
      'x-other': 'other',
      authorization: 'Bearer secret',
    });

    await toMiddle.get(
      context.withValue(schema.keys.city, 'Zürich').withValue(schema.keys.secret, 'hidden').withValue(requestId, 'r-1'),
      { text: '' },
    );

    const common = { city: 'Zürich', secret: undefined, tenant: ['张三', 'b, c', ' 100% '], bytes: ['00ff', '07'], other: [], authorization: [], id: 'r-1' }; // prettier-ignore
    expect(seen).toEqual([
      { ...common, onWire: ['authorization', 'x-bytes-bin', 'x-context-city', 'x-other', 'x-request-id', 'x-tenant'] },
      { ...common, onWire: ['x-bytes-bin', 'x-context-city', 'x-request-id', 'x-tenant'] },
    ]);
  });

  it('is kept and sent by nobody by default', async () => {
    let kept: readonly unknown[] | undefined;
    const server = await shop((context) => {
      kept = grpcMetadataOf(context, 'x-a');
    });
    const metadata = new Metadata();
    metadata.set('x-a', '1');
    await clientOf(server).get(withGrpcMetadata(Context.background, { 'x-b': '2' }), { text: '' }, { metadata });

    expect(kept).toEqual([]);
  });

  it('of any kind, however hostile, breaks neither a server nor what goes on', async () => {
    setLogVerbosity(logVerbosity.NONE);
    const onward: string[] = [];
    const last = await shop((_context, metadata) => void onward.push(...Object.keys(metadata.getMap())), {
      accept: 'all',
    });
    const toLast = clientOf(last, { send: 'all' });
    const first = await shop(async (context) => void (await toLast.get(context, { text: '' })), { accept: 'all' });
    const client = clientOf(first);
    const name = fc.oneof(
      fc.stringMatching(/^[a-z0-9_.-]{1,20}$/),
      fc.constantFrom('authorization', 'cookie', 'grpc-trace-bin', 'grpc-x', 'x-context-', 'x-context-deadline', 'traceparent', 'baggage', 'x-request-id', 'tracestate', 'x-request-timeout', '__proto__', 'constructor'), // prettier-ignore
    );
    const value = fc.stringMatching(/^[ -~]{0,60}$/);

    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 8 }), async (entries) => {
        const metadata = new Metadata();
        for (const [key, text] of new Map(entries)) metadata.set(key, key.endsWith('-bin') ? Buffer.from(text) : text);
        metadata.remove('x-request-timeout');
        onward.length = 0;
        await client.get(Context.background.withTimeout(20_000), { text: '' }, { metadata });
        for (const key of onward)
          expect(key === 'authorization' || key === 'cookie' || key.startsWith('grpc-')).toBe(false);
      }),
      { numRuns: 150 },
    );
    setLogVerbosity(logVerbosity.ERROR);
  });
});
