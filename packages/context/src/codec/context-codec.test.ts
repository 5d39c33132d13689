import { Context, onHookError } from '@holdfast/core';
import { seededRandom, virtualClock } from '@holdfast/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { requestId } from '../formats/request-id.ts';
import { startTrace, traceContext } from '../formats/trace-context.ts';
import { defineContextSchema } from '../schema/context-schema.ts';
import type { ContextCodecOptions } from './codec-options.ts';
import { createContextCodec } from './context-codec.ts';
import { criticalities, criticality, priorityOf } from './criticality.ts';

const schema = defineContextSchema({
  version: '1.0',
  fields: {
    'user-id': { type: 'text', maxBytes: 32, tag: 'u' },
    region: { type: 'choice', choices: ['eu', 'us'], tag: 'r' },
    attempt: { type: 'integer' },
    'is-test': { type: 'boolean' },
  },
});
const { keys } = schema;
const all = { schema, accept: 'all', send: 'all' } as const;
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let clock = virtualClock(1000);
let root = Context.withClock(clock);
beforeEach(() => {
  clock = virtualClock(1000);
  root = Context.withClock(clock);
});

const inject = (context: Context, options: ContextCodecOptions = all) =>
  createContextCodec(options).inject(context, {}) as Record<string, string>;
const extract = (carrier: unknown, options: ContextCodecOptions = all, parent = root) =>
  createContextCodec(options).extract(carrier, parent);
const valuesOf = (context: Context) =>
  Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, context.value(key as never)]));

function ada(parent = root): Context {
  return parent
    .withValue(keys['user-id'], 'ada, née x')
    .withValue(keys.region, 'eu')
    .withValue(keys.attempt, -3)
    .withValue(keys['is-test'], false);
}

describe('the deadline', () => {
  it.each([
    ['x-request-timeout', '812ms'],
    ['grpc-timeout', '812500u'],
    ['connect-timeout-ms', '812'],
    ['x-envoy-expected-rq-timeout-ms', '812'],
    ['x-envoy-upstream-rq-timeout-ms', '812'],
  ] as const)('travels as the time left in %s', (name, text) => {
    const headers = inject(root.withTimeout(812.5), { timeLeft: [name] });

    expect(headers).toEqual({ [name]: text });
    expect(extract(headers).remainingMs()).toBeGreaterThan(811);
    expect(extract(headers).remainingMs()).toBeLessThanOrEqual(812.5);
  });

  it('(1): is the earliest that anybody says, the parent included', () => {
    const headers = { 'x-request-timeout': '5s', 'grpc-timeout': '3S', 'connect-timeout-ms': '4000' };

    expect(extract(headers).remainingMs()).toBe(3000);
    expect(extract(headers, {}, root.withTimeout(2000)).remainingMs()).toBe(2000);
    expect(extract({ 'x-request-timeout': ['5s', '1s', 'never'] }).remainingMs()).toBe(1000);
    expect(extract({ 'x-request-timeout': '5s, 2s' }).remainingMs()).toBe(2000);
  });

  it('(1): replaces one in the carrier that is later, as in headers that were copied, and keeps one that is earlier', () => {
    const codec = createContextCodec();
    const copied = { 'grpc-timeout': '5S', 'connect-timeout-ms': '300', 'x-request-timeout': '100ms', accept: '*/*' };

    expect(codec.inject(root.withTimeout(800), copied)).toEqual({
      'grpc-timeout': '800000u',
      'connect-timeout-ms': '300',
      'x-request-timeout': '100ms',
      accept: '*/*',
    });
    const headers = codec.inject(root.withTimeout(800), new Headers({ 'grpc-timeout': 'soon' }));
    expect([...headers]).toEqual([['grpc-timeout', '800000u'], ['x-request-timeout', '800ms']]); // prettier-ignore
    expect(codec.inject(root, { 'grpc-timeout': '5S' })).toEqual({ 'grpc-timeout': '5S' });
  });

  it('(1): keeps the earliest of a list in the carrier, as it is read', () => {
    const codec = createContextCodec();
    const listed = new Headers([['x-request-timeout', '100ms'], ['x-request-timeout', '5s']]); // prettier-ignore

    expect(extract(listed).remainingMs()).toBe(100);
    expect(codec.inject(root.withTimeout(2000), listed).get('x-request-timeout')).toBe('100ms');
    expect(codec.inject(root.withTimeout(2000), { 'grpc-timeout': ['9S, 50m', '1S'] })).toEqual({
      'grpc-timeout': '50000u',
      'x-request-timeout': '2000ms',
    });
    const later = new Headers({ 'x-request-timeout': 'soon, 5s' });
    expect(codec.inject(root.withTimeout(2000), later).get('x-request-timeout')).toBe('2000ms');
  });

  it('is none where nobody says one, and where what they say is no deadline', () => {
    for (const headers of [{}, undefined, { 'x-request-timeout': 'soon' }, { 'x-envoy-expected-rq-timeout-ms': '0' }])
      expect(extract(headers).deadline).toBe(Infinity);
    expect(inject(root)).toEqual({});
  });

  it('has passed where no time is left', () => {
    for (const text of ['0', '0s', '-5s']) {
      const context = extract({ 'x-request-timeout': text });
      expect([context.cancelled, context.endedBy]).toEqual([true, 'deadline']);
    }
    const cancelled = root.withTimeout(500);
    cancelled.cancel();
    expect(inject(cancelled)).toEqual({ 'x-request-timeout': '0ms' });
  });

  it('may be thousands of years off', () => {
    expect(extract({ 'x-request-timeout': '99999999999999h' }).remainingMs()).toBe(1e11);
    expect(extract({ 'x-context-deadline': '9999999999999999999' }, { wallClock: () => 0 }).remainingMs()).toBe(1e11);
  });

  it('(1): as an instant is believed less the skew of clocks, where no time left is given', () => {
    const nowMs = 1_715_230_800_000;
    const options = { wallClock: () => nowMs, clockSkewMs: 100 };
    const headers = { 'x-context-deadline': '1715230805000000000' };

    expect(extract(headers, options).remainingMs()).toBe(4900);
    expect(extract({ ...headers, 'x-request-timeout': '6s' }, options).remainingMs()).toBe(6000);
    expect(extract({ 'x-context-deadline': '1715230800050000000' }, options).cancelled).toBe(true);
    expect(extract({ 'x-context-deadline': 'tomorrow' }, options).deadline).toBe(Infinity);
  });

  it('of a message counts the time in the queue', () => {
    let nowMs = 1_715_230_800_000;
    const options = { transit: 'queued', wallClock: () => nowMs, clockSkewMs: 0 } as const;
    const headers = inject(root.withTimeout(5000), options);

    expect(headers).toEqual({ 'x-request-timeout': '5000ms', 'x-context-deadline': '1715230805000000000' });
    nowMs += 3000;
    expect(extract(headers, options).remainingMs()).toBe(2000);
    nowMs -= 60_000; // a host whose clock is behind
    expect(extract(headers, options).remainingMs()).toBe(5000);
    nowMs += 120_000;
    expect(extract(headers, options).endedBy).toBe('deadline');
  });
});

describe('values', () => {
  it.each(['headers', 'baggage', 'compact'] as const)('travel as %s', (form) => {
    const headers = inject(ada(), { ...all, form });

    expect(valuesOf(extract(headers))).toEqual({
      'user-id': 'ada, née x',
      region: 'eu',
      attempt: -3,
      'is-test': false,
    });
  });

  it('are written so that people can read them', () => {
    expect(inject(ada())).toEqual({
      'x-context-user-id': 'ada%2C%20n%C3%A9e%20x',
      'x-context-region': 'eu',
      'x-context-attempt': '-3',
      'x-context-is-test': '0',
    });
    expect(inject(ada(), { ...all, form: 'baggage' })).toEqual({
      baggage: 'user-id=ada%2C%20n%C3%A9e%20x,region=eu,attempt=-3,is-test=0',
    });
    expect(inject(ada(), { ...all, form: 'compact' })).toEqual({
      'x-context': 'u=ada%2C%20n%C3%A9e%20x;r=eu;attempt=-3;is-test=0',
    });
  });

  it('(2): pass neither in nor out by default', () => {
    const headers = inject(ada());

    expect(inject(ada(), { schema })).toEqual({});
    expect(valuesOf(extract(headers, { schema }))).toEqual(valuesOf(root));
    expect(inject(ada(), { schema, send: ['region'] })).toEqual({ 'x-context-region': 'eu' });
    expect(valuesOf(extract(headers, { schema, accept: ['region'] }))).toEqual({ ...valuesOf(root), region: 'eu' });
  });

  it('(2): are not passed on with headers that were copied', () => {
    const copied = { 'X-Context-User-Id': 'eve', 'x-context-internal': '1', accept: '*/*' };

    expect(createContextCodec({ schema }).inject(root, copied)).toEqual({ accept: '*/*' });
    expect(inject(root, { schema, form: 'baggage' })).toEqual({});
    const baggage = { baggage: 'user-id=eve,tenant=7' };
    expect(createContextCodec({ schema, form: 'baggage' }).inject(root, baggage)).toEqual({ baggage: 'tenant=7' });
  });

  it('(2): of a copied compact header, or of names in another case, are not passed on either', () => {
    const copied = { 'X-Context': 'u=eve', 'X-Request-Id': 'old', 'X-Request-Timeout': '9s' };
    const context = root.withTimeout(800).withValue(requestId, 'new');

    expect(createContextCodec({ schema }).inject(context, copied)).toEqual({
      'x-request-id': 'new',
      'x-request-timeout': '800ms',
    });
  });

  it('do not replace those of the parent where none are accepted', () => {
    const parent = root.withValue(keys['user-id'], 'service');

    expect(extract({ 'x-context-user-id': 'eve' }, { schema }, parent).value(keys['user-id'])).toBe('service');
    expect(extract({ 'x-context-user-id': 'ada' }, all, parent).value(keys['user-id'])).toBe('ada');
  });

  it('(3): that cannot travel are left out and counted', () => {
    const codec = createContextCodec({ ...all, maxBytes: 40 });
    const context = root
      .withValue(keys['user-id'], 'a user with a name that is rather long')
      .withValue(keys.region, 'moon' as never)
      .withValue(keys.attempt, 1.5)
      .withValue(keys['is-test'], true);

    expect(codec.inject(context, {})).toEqual({ 'x-context-is-test': '1' });
    expect(codec.dropped.out).toMatchObject({ malformed: 2, 'too-large': 1, 'not-accepted': 0 });
    const headers = {
      'x-context-user-id': 'x'.repeat(33),
      'x-context-region': ['eu', 'us'],
      'x-context-attempt': '1.5',
      'x-context-is-test': '1',
    };
    expect(valuesOf(codec.extract(headers, root))).toEqual({ ...valuesOf(root), 'is-test': true });
    expect(codec.dropped.in).toMatchObject({ malformed: 2, 'too-large': 1, 'not-accepted': 0 });
    createContextCodec({ schema }).extract(headers);
  });

  it('fit into maxBytes, the first of the schema first', () => {
    const options = { ...all, maxBytes: 'user-id'.length + 'ada'.length + 2 };
    const context = ada().withValue(keys['user-id'], 'ada');

    expect(inject(context, options)).toEqual({ 'x-context-user-id': 'ada' });
    expect(valuesOf(extract(inject(context), options))).toEqual({ ...valuesOf(root), 'user-id': 'ada' });
    expect(inject(context, { ...all, maxBytes: 0 })).toEqual({});
    expect(createContextCodec(options).sizeOf(context)).toBe(10);
  });

  it('have a prefix that may be another', () => {
    const options = { ...all, send: ['region'], prefix: 'x-md-global-' } as const;

    expect(inject(ada(), options)).toEqual({ 'x-md-global-region': 'eu' });
    expect(extract({ 'x-md-global-region': 'eu' }, options).value(keys.region)).toBe('eu');
  });
});

describe('the trace', () => {
  it.each(['headers', 'compact'] as const)('is continued, as %s', (form) => {
    const incoming = { traceparent, tracestate: 'congo=t61' };
    const options = { ...all, form };
    const headers = inject(extract(incoming), options);

    expect(extract(headers).value(traceContext)).toEqual(extract(incoming).value(traceContext));
    expect(headers['traceparent']).toBe(form === 'headers' ? traceparent : undefined);
    expect(headers['tracestate']).toBe('congo=t61');
  });

  it('is started where there is none, and ignored where that is wished', () => {
    const started = extract({}, { trace: 'start', requestId: 'start', random: seededRandom(1) });
    const ignored = extract({ traceparent, 'x-request-id': 'abc' }, { trace: 'ignore', requestId: 'ignore' });

    expect(started.value(traceContext)?.traceId).toMatch(/^[\da-f]{32}$/);
    expect(started.value(requestId)).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect([ignored.value(traceContext), ignored.value(requestId)]).toEqual([undefined, undefined]);
    expect(inject(started, { trace: 'ignore', requestId: 'ignore' })).toEqual({});
    expect(extract({}).value(requestId)).toBeUndefined();
  });

  it.each<[kind: string, random: () => number]>([
    ['throws', () => { throw new Error('mine'); }], // prettier-ignore
    ['gives NaN', () => NaN],
    ['gives 1', () => 1],
  ])('(3): is started with the ids of the platform where random %s', (_kind, random) => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook }) => reported.push(hook));
    const started = extract({}, { trace: 'start', requestId: 'start', random });
    onHookError(before);

    expect(inject(started)).toEqual({
      traceparent: expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/),
      'x-request-id': expect.stringMatching(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/),
    });
    expect(new Set(reported)).toEqual(new Set(['random']));
  });

  it('(3): that is none is left out, as is a request id that could harm a log', () => {
    const codec = createContextCodec();
    const context = codec.extract({ traceparent: 'x', tracestate: 'a=b', 'x-request-id': 'a\nb' }, root);

    expect([context.value(traceContext), context.value(requestId)]).toEqual([undefined, undefined]);
    expect(codec.dropped.in.malformed).toBe(2);
    expect(inject(extract({ 'x-request-id': 'abc123' }))).toEqual({ 'x-request-id': 'abc123' });
    expect(inject(root.withValue(requestId, 'a b').withValue(traceContext, {} as never))).toEqual({});
  });
});

describe('criticality', () => {
  it.each(['headers', 'baggage', 'compact'] as const)('travels with the deadline, as %s', (form) => {
    const headers = inject(root.withTimeout(5000).withValue(criticality, 'sheddable'), { form });

    expect(extract(headers).value(criticality)).toBe('sheddable');
    expect(extract(headers).remainingMs()).toBe(5000);
  });

  it('is a priority from 0 to 9, of what is none as of what says nothing', () => {
    const priorities = criticalities.map((level) => priorityOf(root.withValue(criticality, level)));
    const bogus = ['Sheddable', '', null, 5].map((level) => priorityOf(root.withValue(criticality, level as never)));

    expect([priorities, bogus, priorityOf(root)]).toEqual([[9, 6, 3, 0], [6, 6, 6, 6], 6]);
  });

  it('may be lowered by any caller, and raised by a trusted one only', () => {
    const told = { 'x-context-criticality': 'critical-plus' };

    expect(extract(told).value(criticality)).toBe('critical');
    expect(extract(told, { criticality: 'trusted' }).value(criticality)).toBe('critical-plus');
    expect(extract(told, {}, root.withValue(criticality, 'sheddable')).value(criticality)).toBe('sheddable');
    expect(extract(told, { criticality: 'ignored' }).value(criticality)).toBeUndefined();
    for (const text of ['CRITICAL', '', '0', 'toString'])
      expect(extract({ 'x-context-criticality': text }).value(criticality)).toBeUndefined();
    for (const text of ['c=9', 'c=-1', 'c=x', 'c=', 'c=1.5'])
      expect(extract({ 'x-context': text }).value(criticality)).toBeUndefined();
  });
});

describe('the wire', () => {
  it('takes at most 87 bytes for trace, user, region and a reference, the header’s name included', () => {
    const compact = defineContextSchema({
      version: '1.0',
      fields: {
        'user-id': { type: 'text', tag: 'u' },
        region: { type: 'text', tag: 'r' },
        'order-ref': { type: 'text', tag: 'o' },
      },
    });
    const context = root
      .withValue(traceContext, startTrace(seededRandom(1)))
      .withValue(compact.keys['user-id'], 'u-1024')
      .withValue(compact.keys.region, 'cn-hz')
      .withValue(compact.keys['order-ref'], 'ORD-2024-00042');
    const codec = createContextCodec({ schema: compact, accept: 'all', send: 'all', form: 'compact' });
    const headers = codec.inject(context, {}) as Record<string, string>;
    const bytes = Object.entries(headers).reduce((sum, [name, text]) => sum + `${name}: ${text}\r\n`.length, 0);

    expect(Object.keys(headers)).toEqual(['x-context']);
    expect(bytes).toBeLessThanOrEqual(87);
    const received = codec.extract(headers, root);
    expect(received.value(traceContext)).toEqual(context.value(traceContext));
    expect(received.value(compact.keys['order-ref'])).toBe('ORD-2024-00042');
  });
});

describe('a codec', () => {
  it.each<[message: string, options: object]>([
    ['codec.schema must be what defineContextSchema returns', { schema: {} }],
    ['codec.accept must be "all", or an array of names', { accept: 'user-id' }],
    ['codec.send must be names of the schema: user-id, region', { schema, send: ['userid'] }],
    ['codec.send must be names of the schema: it has none', { send: ['user-id'] }],
    ['codec.form must be one of', { form: 'json' }],
    ['codec.timeLeft must be an array of x-request-timeout', { timeLeft: ['retry-after'] }],
    ['codec.timeLeft must be an array of x-request-timeout', { timeLeft: 'grpc-timeout' }],
    ['codec.transit must be one of', { transit: 'slow' }],
    ['codec.trace must be one of', { trace: true }],
    ['codec.requestId must be one of', { requestId: null }],
    ['codec.criticality must be one of', { criticality: 'raise' }],
    ['codec.prefix must be', { prefix: 'X-Context-' }],
    ['codec.prefix must be', { prefix: '' }],
    ['codec.maxBytes must be an integer from 0 to 8192', { maxBytes: Infinity }],
    ['codec.clockSkewMs must be a number from 0 to 60000', { clockSkewMs: -1 }],
    ['codec.wallClock must be a function', { wallClock: 5 }],
    ['codec.random must be a function', { random: 5 }],
    ['codec has no option "allow"', { allow: [] }],
  ])('%s: %j is refused', (message, options) => {
    expect(() => createContextCodec(options)).toThrow(message);
  });

  it('says what it needs', () => {
    const codec = createContextCodec();

    expect(() => codec.inject(undefined as never, {})).toThrow(
      new TypeError('inject needs a Context; make one of a signal with Context.from(signal)'),
    );
    expect(() => codec.inject(root, null as never)).toThrow(new TypeError('inject needs a carrier, got null'));
    expect(() => codec.inject({} as never, {})).toThrow('inject needs a Context');
    expect(() => codec.inject(root.withTimeout(5), Object.freeze({}))).toThrow(TypeError);
    for (const carrier of [[], [['accept', 'x']]])
      expect(() => codec.inject(root.withTimeout(5), carrier)).toThrow('a carrier with names, got an array');
    for (const parent of [null, {}, [], new AbortController().signal])
      expect(() => codec.extract({}, parent as never)).toThrow('extract needs a Context');
  });

  it('makes a context that can be cancelled, and ends with its parent', () => {
    const parent = root.withCancel();
    const [one, other] = [extract({}, {}, parent), extract({ 'grpc-timeout': '1S' }, {}, parent)];

    one.cancel('done');
    expect([one.cause, other.cancelled, parent.cancelled]).toEqual(['done', false, false]);
    parent.cancel('stop');
    expect(other.cause).toBe('stop');
    expect(createContextCodec().extract({}).deadline).toBe(Infinity);
  });

  it('reads and writes carriers in a way of their own', () => {
    const pairs: string[] = [];
    const codec = createContextCodec();
    const nested = codec.inject(root.withTimeout(900), [['accept', 'x']], (list, ...pair) => list.push(pair));
    expect(nested).toEqual([['accept', 'x'], ['x-request-timeout', '900ms']]); // prettier-ignore

    codec.inject(root.withTimeout(900), pairs, (list, name, text) => list.push(name, text));
    expect(pairs).toEqual(['x-request-timeout', '900ms']);
    const read = (list: readonly string[], name: string) => list[list.indexOf(name) + 1];
    expect(
      codec.extract(pairs, root, (list, name) => (list.includes(name) ? read(list, name) : undefined)).remainingMs(),
    ).toBe(900);
  });

  it('puts a context into plain data and back, as for a worker', () => {
    const sent = JSON.stringify(inject(ada(root.withTimeout(700))));
    const context = extract(JSON.parse(sent));

    expect(valuesOf(context)).toEqual(valuesOf(ada()));
    expect(context.remainingMs()).toBe(700);
  });
});
