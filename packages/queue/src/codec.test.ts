import { createContextCodec, criticality, defineContextSchema, requestId, traceContext } from '@holdfast/context';
import { type CancellableContext, Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createQueueCodec, requireQueueCodec } from './codec.ts';

const schema = defineContextSchema({ version: '1.0', fields: { region: { type: 'choice', choices: ['eu', 'us'] } } });

/** A codec whose calendar is a virtual clock, and a request of that clock with everything that may travel. */
function make() {
  const clock = virtualClock(0);
  const wallClock = () => 1_700_000_000_000 + clock.now();
  const codec = createQueueCodec({ schema, accept: 'all', send: 'all', wallClock, criticality: 'trusted' });
  const root = Context.withClock(clock);
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true };
  const request = root
    .withValue(schema.keys.region, 'eu')
    .withValue(criticality, 'sheddable')
    .withValue(requestId, 'r-1')
    .withValue(traceContext, trace);
  return { clock, codec, root, request };
}

const told = (context: Context) => ({
  region: context.value(schema.keys.region),
  criticality: context.value(criticality),
  requestId: context.value(requestId),
  traceId: context.value(traceContext)?.traceId,
});

describe('createQueueCodec', () => {
  it.each([
    [
      'a table of RabbitMQ',
      (headers: object) => ({ 'x-death': [{ count: 1 }], n: 3, at: { '!': 'timestamp' }, ...headers }),
    ],
    [
      'headers of Kafka',
      (headers: object) => Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, Buffer.from(v as string)])),
    ],
    ['JSON', (headers: object) => JSON.parse(JSON.stringify(headers)) as object],
  ])('carries everything in %s', (_name, carried) => {
    const { codec, root, request } = make();

    const received = codec.extract(carried(codec.inject(request.withTimeout(800), {})), root);

    expect(told(received)).toEqual({
      region: 'eu',
      criticality: 'sheddable',
      requestId: 'r-1',
      traceId: 'a'.repeat(32),
    });
    expect(received.remainingMs()).toBeGreaterThan(700);
    expect(received.remainingMs()).toBeLessThanOrEqual(800);
  });

  it('carries everything in one text', () => {
    const { codec, root, request } = make();

    const received = codec.fromText(codec.toText(request.withTimeout(800)), root);

    expect(told(received)).toEqual(told(request));
    expect(received.remainingMs()).toBeLessThanOrEqual(800);
  });

  it.each([
    ['inject', (codec: ReturnType<typeof createQueueCodec>, from: Context) => codec.inject(from, {})],
    ['toText', (codec: ReturnType<typeof createQueueCodec>, from: Context) => codec.toText(from)],
  ] as const)('codec (1): counts the time in the queue after %s', async (_name, send) => {
    const { clock, codec, root, request } = make();
    const sent = send(codec, request.withTimeout(800));
    const receive = (): CancellableContext =>
      typeof sent === 'string' ? codec.fromText(sent, root) : codec.extract(sent, root);

    await clock.advance(600);
    expect(receive().remainingMs()).toBeLessThanOrEqual(200);
    expect(receive().remainingMs()).toBeGreaterThan(100);
    await clock.advance(300);

    expect(receive().remainingMs()).toBe(0);
  });

  it('codec (2): takes any text', () => {
    const { codec, root } = make();
    const anything = fc.oneof(fc.anything(), fc.json(), fc.constant(`"${'x'.repeat(70_000)}"`));

    fc.assert(
      fc.property(anything, (text) => !codec.fromText(text, root).cancelled),
      { numRuns: 500 },
    );
  });

  it('codec (2): takes any headers', () => {
    const { codec, root } = make();
    const names = fc.constantFrom(
      'x-context-deadline',
      'x-request-timeout',
      'traceparent',
      'x-context-region',
      'baggage',
    );
    const table = fc.dictionary(fc.oneof(names, fc.string()), fc.oneof(fc.anything(), fc.string()));

    fc.assert(fc.property(table, (headers) => codec.extract(headers, root).value(schema.keys.region) !== null));
  });

  it('is for messages only', () => {
    expect(() => createQueueCodec({ transit: 'direct' } as never)).toThrow(
      'codec.transit must be "queued" for messages',
    );
    expect(() => createQueueCodec({ sent: 'all' } as never)).toThrow('codec has no option "sent"');
    expect(createQueueCodec({ transit: 'queued' } as never).transit).toBe('queued');
  });
});

it('requireQueueCodec refuses a codec for calls, with which the time in the queue would not count', () => {
  requireQueueCodec('consumer.codec', createQueueCodec());

  for (const codec of [createContextCodec(), undefined, {}, 'queued'])
    expect(() => requireQueueCodec('consumer.codec', codec)).toThrow(
      'consumer.codec must be a codec of createQueueCodec',
    );
});
