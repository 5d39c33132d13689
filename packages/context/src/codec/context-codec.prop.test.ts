import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isRequestId, requestId } from '../formats/request-id.ts';
import { formatTraceparent, parseTraceparent, traceContext } from '../formats/trace-context.ts';
import { defineContextSchema } from '../schema/context-schema.ts';
import { createContextCodec } from './context-codec.ts';
import { criticalities, criticality } from './criticality.ts';

/** Cases of each property; the long run sets more. */
const numRuns = Number(process.env['HOLDFAST_FUZZ_RUNS'] ?? 1000);

const schema = defineContextSchema({
  version: '1.0',
  fields: {
    'user-id': { type: 'text', maxBytes: 32, tag: 'u' },
    region: { type: 'choice', choices: ['eu', 'us'], tag: 'r' },
    attempt: { type: 'integer' },
    admin: { type: 'boolean', tag: 'a' },
  },
});
const { keys } = schema;
const names = [
  'x-request-timeout',
  'grpc-timeout',
  'connect-timeout-ms',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-upstream-rq-timeout-ms',
  'x-context-deadline',
  'x-context-criticality',
  'x-context',
  'baggage',
  'traceparent',
  'tracestate',
  'x-request-id',
  'x-context-user-id',
  'x-context-region',
  'x-context-attempt',
  'x-context-admin',
  'X-Context-Admin',
  '__proto__',
  'constructor',
  'get',
  'set',
  'toString',
];

/** Texts that are of some format, or nearly, and texts that are of none. */
const hostileText = fc.oneof(
  fc.stringMatching(/^-?\d{0,20}\.?\d{0,5}(?:[HMSmun]|ns|us|ms|s|h)?$/),
  fc.stringMatching(/^(?:[a-z-]{1,8}=[\w%;,=-]{0,8}[;,]?){0,5}$/),
  fc.stringMatching(/^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/),
  fc.constantFrom(
    'critical-plus',
    'admin=1',
    'a=1;u=root;c=0',
    'admin=true,user-id=root',
    '%0d%0aSet-Cookie: a',
    '1',
    'eu',
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
const hostileValue = fc.oneof(
  { weight: 6, arbitrary: hostileText },
  { weight: 2, arbitrary: fc.array(hostileText, { maxLength: 3 }) },
  { weight: 1, arbitrary: hostileText.map((text) => Buffer.from(text)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(null, undefined, NaN, Infinity, -5, 10n ** 30n, {}, Symbol('x'), () => 1),
  },
);
const hostileCarrier = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 10 })), hostileValue), { maxLength: 8 })
  .chain((entries) => {
    const plain = Object.fromEntries(entries);
    return fc.constantFrom<unknown>(plain, new Map(entries), Object.assign(Object.create(null) as object, plain));
  });

const clock = virtualClock(1000);
const wallClock = (): number => 1_715_230_800_000;
const parent = Context.withClock(clock).withTimeout(30_000).withValue(keys['user-id'], 'service');

describe('a codec, whatever comes', { timeout: 600_000 }, () => {
  it('(1), (2), (3): never throws, extends no deadline, lets in nothing that is not accepted', () => {
    for (const transit of ['direct', 'queued'] as const) {
      const codec = createContextCodec({ schema, accept: ['region'], wallClock, transit });
      fc.assert(
        fc.property(hostileCarrier, (carrier) => {
          const context = codec.extract(carrier, parent);

          expect(context.deadline).toBeLessThanOrEqual(parent.deadline);
          expect([undefined, 'eu', 'us']).toContain(context.value(keys.region));
          expect([context.value(keys['user-id']), context.value(keys.attempt), context.value(keys.admin)]).toEqual([
            'service',
            undefined,
            undefined,
          ]);
          expect(context.value(criticality)).not.toBe('critical-plus');
          const trace = context.value(traceContext);
          if (trace !== undefined)
            expect(parseTraceparent(formatTraceparent(trace) ?? '')).toMatchObject({ traceId: trace.traceId });
          if (context.value(requestId) !== undefined) expect(isRequestId(context.value(requestId))).toBe(true);
        }),
        { numRuns: Math.ceil(numRuns / 2) },
      );
    }
  });

  it('(3): accepts values of their type only, and sends on nothing that could harm', () => {
    const codec = createContextCodec({ schema, accept: 'all', send: 'all', wallClock, criticality: 'trusted' });
    fc.assert(
      fc.property(
        hostileCarrier,
        fc.constantFrom('headers' as const, 'baggage' as const, 'compact' as const),
        (carrier, form) => {
          const context = codec.extract(carrier, parent);
          const headers = createContextCodec({ schema, send: 'all', wallClock, form }).inject(context, {});

          // oxlint-disable-next-line no-control-regex -- it is about control characters
          expect(context.value(keys['user-id']) ?? '').not.toMatch(/[\u0000-\u001F\u007F-\u009F]/);
          expect(Number.isSafeInteger(context.value(keys.attempt) ?? 0)).toBe(true);
          expect([undefined, ...criticalities]).toContain(context.value(criticality));
          for (const [name, text] of Object.entries(headers)) {
            expect(name).toMatch(/^[a-z-]+$/);
            expect(text).toMatch(/^[\x20-\x7E]*$/);
          }
        },
      ),
      { numRuns },
    );
  });
});

const values = fc.record(
  {
    user: fc.string({ unit: 'grapheme', maxLength: 40 }),
    region: fc.constantFrom('eu' as const, 'us' as const),
    attempt: fc.maxSafeInteger(),
    admin: fc.boolean(),
    level: fc.constantFrom(...criticalities),
  },
  { requiredKeys: [] },
);

describe('a codec on both sides', { timeout: 600_000 }, () => {
  it('(1): carries what may travel, and a deadline that is never later, nor much earlier', () => {
    const forms = fc.constantFrom('headers' as const, 'baggage' as const, 'compact' as const);
    const headers = fc.constantFrom(
      'x-request-timeout' as const,
      'grpc-timeout' as const,
      'connect-timeout-ms' as const,
    );
    const left = fc.oneof(fc.double({ min: 1, max: 1e8, noNaN: true }), fc.constant(Infinity));
    fc.assert(
      fc.property(values, forms, headers, left, (given, form, timeLeft, ms) => {
        const codec = createContextCodec({
          schema,
          accept: 'all',
          send: 'all',
          form,
          timeLeft: [timeLeft],
          criticality: 'trusted',
        });
        const context = contextOf(given).withTimeout(ms);
        const received = codec.extract(codec.inject(context, {}), Context.withClock(clock));

        expect(received.deadline).toBeLessThanOrEqual(context.deadline);
        expect(received.deadline === context.deadline || context.deadline - received.deadline < 1001).toBe(true);
        for (const key of [keys.region, keys.attempt, keys.admin, criticality])
          expect(received.value<unknown>(key)).toEqual(context.value<unknown>(key));
        expect([undefined, given.user]).toContain(received.value(keys['user-id']));
      }),
      { numRuns },
    );
  });

  it('(1): loses less than three milliseconds of a deadline over a hundred hops', () => {
    const codec = createContextCodec({ timeLeft: ['grpc-timeout'] });
    let context: Context = Context.withClock(clock).withTimeout(5000);
    const first = context.deadline;
    for (let hop = 0; hop < 100; hop++) {
      const received = codec.extract(codec.inject(context, {}), Context.withClock(clock));
      expect(received.deadline).toBeLessThanOrEqual(context.deadline);
      context = received;
    }
    expect(first - context.deadline).toBeLessThan(3);
  });
});

type Given = typeof values extends fc.Arbitrary<infer V> ? V : never;

function contextOf({ user, region, attempt, admin, level }: Given): Context {
  let context = Context.withClock(clock);
  if (user !== undefined) context = context.withValue(keys['user-id'], user);
  if (region !== undefined) context = context.withValue(keys.region, region);
  if (attempt !== undefined) context = context.withValue(keys.attempt, attempt);
  if (admin !== undefined) context = context.withValue(keys.admin, admin);
  return level === undefined ? context : context.withValue(criticality, level);
}
