import { PassThrough } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Context } from '@holdfast/core';
import { settle } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { answers, requestsOf } from './served-stream.ts';

const MESSAGES = 3000;
const free = (): void => {};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Messages, and how many of them are still there when 100 are to come. */
function observed() {
  const references: WeakRef<object>[] = [];
  const seen = { aliveCount: MESSAGES };
  async function* messages() {
    for (let count = 0; count < MESSAGES; count++) {
      const message = { count };
      references.push(new WeakRef(message));
      yield message;
      if (count !== MESSAGES - 100) continue;
      await settle();
      await new Promise(setImmediate);
      collectGarbage();
      seen.aliveCount = references.filter((each) => each.deref() !== undefined).length;
    }
  }
  return { messages, seen };
}

describe('a stream at the server', () => {
  it('charter A4: keeps none of the messages that it has sent, however long it lasts', async () => {
    const { messages, seen } = observed();
    const call = new PassThrough({ objectMode: true });
    call.resume();

    await answers(call, Context.background.withCancel(), { source: messages(), claim: free });

    expect(seen.aliveCount).toBeLessThan(300);
  });

  it('charter A4: keeps none of the messages that it has received', async () => {
    const { messages, seen } = observed();
    const call = new PassThrough({ objectMode: true });
    const written = (async () => {
      for await (const message of messages())
        if (!call.write(message)) await new Promise((resolve) => call.once('drain', resolve));
      call.end();
    })();

    let count = 0;
    const requests = requestsOf(call, Context.background.withCancel(), free);
    while ((await requests.next()).done !== true) count++;
    await written;

    expect(count).toBe(MESSAGES);
    expect(seen.aliveCount).toBeLessThan(300);
  });

  it('ends with the cause of its context, whatever its source is waiting for', async () => {
    const context = Context.background.withCancel();
    const call = new PassThrough({ objectMode: true });
    const endless = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const [sent, received] = [
      answers(call, context, { source: endless, claim: free }),
      requestsOf(call, context, free).next(),
    ];
    const outcomes = Promise.allSettled([sent, received]);
    await settle();

    context.cancel('gone');

    expect(await outcomes).toEqual([
      { status: 'rejected', reason: 'gone' },
      { status: 'rejected', reason: 'gone' },
    ]);
    await expect(answers(call, context, { source: [1], claim: free })).rejects.toBe('gone');
  });
});
