/**
 * Hop: what it costs to take a context out of headers and to put it into those of the next call, as a service in the middle
 * does: deadline, criticality, trace, and three values.
 *
 * @module
 */

import { createContextCodec, criticality, defineContextSchema, startTrace, traceContext } from '@holdfast/context';
import { Context } from '@holdfast/core';

/** A form in which values travel. */
export type Form = 'headers' | 'baggage' | 'compact';

/** All forms. */
export const forms: readonly Form[] = ['headers', 'baggage', 'compact'];

const schema = defineContextSchema({
  version: '1.0',
  fields: {
    'user-id': { type: 'text', tag: 'u' },
    region: { type: 'choice', choices: ['eu-west', 'cn-hz'], tag: 'r' },
    'order-ref': { type: 'text', tag: 'o' },
  },
});

/** Returns one hop, ready to run, and what it puts into the headers of the next call. */
export function hopOf(form: Form): { readonly run: () => object; readonly headers: Readonly<Record<string, string>> } {
  const codec = createContextCodec({ schema, accept: 'all', send: 'all', form, criticality: 'trusted' });
  const context = Context.background
    .withTimeout(3_600_000)
    .withValue(traceContext, startTrace(Math.random))
    .withValue(criticality, 'critical')
    .withValue(schema.keys['user-id'], 'u-1024')
    .withValue(schema.keys.region, 'cn-hz')
    .withValue(schema.keys['order-ref'], 'ORD-2024-00042');
  const incoming = { host: 'orders.internal', 'user-agent': 'node', accept: '*/*', ...codec.inject(context, {}) };
  const run = (): object => {
    const received = codec.extract(incoming);
    const outgoing = codec.inject(received, {});
    received.cancel();
    return outgoing;
  };
  return { run, headers: run() as Record<string, string> };
}
