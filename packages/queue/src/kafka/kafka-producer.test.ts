import { Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import type { KafkaHeaders } from './kafka-like.ts';
import { kafkaProducer } from './kafka-producer.ts';

function make() {
  const sent: { topic: string; messages: { headers: Record<string, unknown> }[] }[] = [];
  const producer = kafkaProducer({
    send: async (record: never) => {
      sent.push(record);
      return 'sent';
    },
  });
  return { producer, sent };
}

describe('kafka-producer', () => {
  it('(1) sends nothing under a context that has ended', async () => {
    const { producer, sent } = make();
    const ended = Context.background.withCancel();
    ended.cancel(new Error('gone'));
    await expect(producer.send(ended, { topic: 'a', messages: [{ value: 'x' }] })).rejects.toThrow('gone');
    await expect(producer.send({} as Context, { topic: 'a', messages: [{ value: 'x' }] })).rejects.toThrow(TypeError);
    expect(sent).toEqual([]);
  });

  it('(2) keeps the headers of a message, but for those that carry a context, and changes nothing that it was given', async () => {
    const { producer, sent } = make();
    const headers = { own: Buffer.from('1'), many: ['1', '2'], 'x-context-deadline': '1' };
    const message = { value: 'x', headers };
    const answer = await producer.send(Context.background.withTimeout(60_000), { topic: 'a', messages: [message] });

    expect(answer).toBe('sent');
    expect(sent[0]?.messages[0]?.headers).toMatchObject({ own: Buffer.from('1'), many: ['1', '2'] });
    expect(sent[0]?.messages[0]?.headers['x-context-deadline']).not.toBe('1');
    expect(headers['x-context-deadline']).toBe('1');
    expect(
      producer.withContext<{ value: string; headers?: KafkaHeaders }>(Context.background, { value: 'y' }).headers,
    ).toEqual({});
  });

  it('says what is missing in a record', async () => {
    const producer = kafkaProducer({ send: async () => 1 });
    for (const record of [undefined, { topic: 'a' }, { topic: 'a', messages: 'x' }])
      await expect(producer.send(Context.background, record as never)).rejects.toThrow('a list of messages');
  });

  it('checks what it is made of', () => {
    expect(() => kafkaProducer({} as never)).toThrow('a producer');
    expect(() => kafkaProducer({ send: async () => 1 }, { codec: {} as never })).toThrow('createQueueCodec');
  });
});
