import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { AmqpMessage } from './amqp-channel.ts';
import { MessageAttempts } from './message-attempts.ts';

function message(properties: AmqpMessage['properties'], redelivered = false): AmqpMessage {
  return {
    content: Buffer.alloc(0),
    properties,
    fields: { deliveryTag: 1, redelivered, exchange: '', routingKey: '' },
  };
}
const death = (count: unknown, queue = 'work', reason = 'rejected') => ({ 'x-death': [{ count, queue, reason }] });

it.each([
  ['nothing', {}, false, 1],
  ['x-delivery-count', { headers: { 'x-delivery-count': 3 } }, true, 4],
  ['a death here', { headers: death(2) }, false, 3],
  ['a death elsewhere', { headers: death(2, 'other'), messageId: 'm' }, false, 1],
  ['an expiry', { headers: death(2, 'work', 'expired'), messageId: 'm' }, false, 1],
  ['an id, delivered again', { messageId: 'm' }, true, 1],
  ['the more of both', { headers: { 'x-delivery-count': 1, ...death(4) } }, true, 5],
])('counts by %s', (_name, properties, redelivered, attempt) => {
  expect(new MessageAttempts(10).numberOf(message(properties, redelivered), 'work')).toBe(attempt);
});

it('counts the failures that were seen here, until the message is settled', () => {
  const attempts = new MessageAttempts(10);
  const one = message({ messageId: 'm' });

  attempts.fail(one);
  attempts.fail(one);
  expect(attempts.numberOf(one, 'work')).toBe(3);
  attempts.forget(one);
  expect(attempts.numberOf(one, 'work')).toBe(1);
});

it('message-attempts (1): remembers the newest', () => {
  const attempts = new MessageAttempts(2);
  const [a, b, c] = ['a', 'b', 'c'].map((messageId) => message({ messageId })) as [
    AmqpMessage,
    AmqpMessage,
    AmqpMessage,
  ];
  for (const failed of [a, b, a, c]) attempts.fail(failed);

  expect([a, b, c].map((each) => attempts.numberOf(each, 'work'))).toEqual([3, 1, 2]);
});

it('message-attempts (2): makes a number of any headers', () => {
  const attempts = new MessageAttempts(2);
  const headers = fc.record({ 'x-death': fc.anything(), 'x-delivery-count': fc.anything() }, { requiredKeys: [] });

  fc.assert(
    fc.property(headers, fc.anything(), (given, messageId) => {
      const attempt = attempts.numberOf(message({ headers: given, messageId }), 'work');
      return attempt >= 1 && (Number.isInteger(attempt) || attempt === Infinity);
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.record({ queue: fc.constant('work'), reason: fc.constant('rejected'), count: fc.anything() })),
      (deaths) => Number.isInteger(attempts.numberOf(message({ headers: { 'x-death': deaths } }), 'work')),
    ),
  );
});

it('message-attempts (3): takes the second try of what it cannot count for the last', () => {
  const attempts = new MessageAttempts(2);
  attempts.fail(message({})); // nothing to remember it by
  attempts.forget(message({}));

  expect(attempts.numberOf(message({}, true), 'work')).toBe(Infinity);
  expect(attempts.numberOf(message({}), 'work')).toBe(1);
});
