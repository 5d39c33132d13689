import { describe, expect, it } from 'vitest';

import { StreamTries } from './stream-tries.ts';

const boom = new Error('boom');

describe('stream tries', () => {
  it('(1) give the stream to the first that claims it, and to no other', async () => {
    const tries = new StreamTries();
    let end = (): void => {};
    const first = tries.run(async (claim) => {
      await new Promise<void>((resolve) => (end = resolve));
      claim();
    });
    const second = tries.run((claim) => {
      claim();
      claim();
      return 2;
    });

    expect(await second).toBe(2);
    end();
    await expect(first).rejects.toThrow('another try of this handler has the stream');
  });

  it('(2) begin as long as none has it, and then fail with what that one has failed with', async () => {
    const tries = new StreamTries();
    const fails = async (): Promise<never> => {
      throw new Error('before');
    };
    await expect(tries.run(fails)).rejects.toThrow('before');
    const claimed = tries.run((claim) => {
      claim();
      throw boom;
    });
    await expect(claimed).rejects.toBe(boom);

    await expect(tries.run(() => 1)).rejects.toBe(boom);
    const open = new StreamTries();
    void open.run((claim) => (claim(), new Promise(() => {})));
    await expect(open.run(() => 1)).rejects.toThrow('another try');
  });
});
