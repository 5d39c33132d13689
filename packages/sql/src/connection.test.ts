import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool, serverError } from '../../../test/sql/fake-pool.ts';
import { Connection, type Tally } from './connection.ts';

function make() {
  const clock = virtualClock();
  const { client } = new FakePool();
  const tally: Tally = { checkedOut: 0, waiting: 0, gaveUpWaiting: 0, stopped: 0, cancelRequests: 0, dropped: 0 };
  const closes: (() => void)[] = [];
  const cancel = () => ({
    closed: new Promise<void>((resolve) => closes.push(resolve)),
    giveUp: () => {},
  });
  const connection = new Connection(client, { clock, cancelGraceMs: 1000, tally, cancel, limit: undefined });
  return { clock, client, tally, closes, connection, root: Context.withClock(clock) };
}

describe('a connection', () => {
  it('connection (1): sends a statement when the one before is over, and no request to stop it under way', async () => {
    const { client, closes, connection, root } = make();
    const context = root.withCancel();

    const first = connection.run({ text: 'one' }, { contexts: [context], stakes: 'no-effect' });
    const second = connection.run({ text: 'two' }, { contexts: [root], stakes: 'no-effect' });
    await settle();
    context.cancel('left');
    await expect(first).rejects.toBe('left');
    client.fail(serverError('57014'));
    await settle();
    expect(client.sent).toEqual(['one']);
    closes[0]?.();
    await settle();
    expect(client.sent).toEqual(['one', 'two']);
    client.answer('TWO');

    expect(await second).toMatchObject({ command: 'TWO' });
  });

  it('connection (1): does not send what was given up while it waited', async () => {
    const { client, connection, root } = make();
    const context = root.withCancel();

    const first = connection.run({ text: 'one' }, { contexts: [], stakes: 'no-effect' });
    const second = connection.run({ text: 'two' }, { contexts: [context], stakes: 'effect' });
    const third = connection.run({ text: 'three' }, { contexts: [], stakes: 'no-effect' });
    await settle();
    context.cancel('left');
    await expect(second).rejects.toBe('left');
    client.answer();
    await first;
    await settle();
    client.answer();
    await third;

    expect(client.sent).toEqual(['one', 'three']);
  });

  it('connection (2): is given back once, however often it is released', async () => {
    const { client, connection, tally } = make();

    await Promise.all([connection.release(), connection.release()]);

    expect([client.releases, tally.checkedOut]).toEqual([[undefined], 0]);
  });

  it('connection (2): is given back when all that was begun is over', async () => {
    const { client, connection } = make();

    const asked = connection.run({ text: 'one' }, { contexts: [], stakes: 'effect' });
    const released = connection.release();
    await settle();
    expect(client.releases).toEqual([]);
    client.answer();
    await Promise.all([asked, released]);

    expect(client.releases).toEqual([undefined]);
  });

  it('connection (2): is destroyed when it does not answer again after a stop', async () => {
    const { client, clock, closes, connection, root } = make();
    const context = root.withCancel();

    const asked = connection.run({ text: 'one' }, { contexts: [context], stakes: 'no-effect' });
    void connection.release();
    await settle();
    context.cancel('left');
    client.fail(serverError('57014'));
    closes[0]?.();
    await expect(asked).rejects.toBe('left');
    await clock.advance(1000);

    expect(client.sent).toEqual(['one', '']);
    expect(client.releases).toEqual([expect.objectContaining({ code: 'CONNECTION_DROPPED' })]);
  });

  it('connection (3): is destroyed when it takes too long for what nobody may stop', async () => {
    const { client, clock, connection } = make();

    const asked = connection.runThrough('ROLLBACK', 300);
    const noted = asked.catch((error: unknown) => error);
    const next = connection.run({ text: 'next' }, { contexts: [], stakes: 'effect' });
    const nextNoted = next.catch((error: unknown) => error);
    await clock.advance(300);

    expect(await noted).toMatchObject({ code: 'CONNECTION_DROPPED' });
    expect(await nextNoted).toBe(await noted); // it was not sent, so it is not unknown
    await connection.release();
    expect([client.releases.length, client.sent]).toEqual([1, ['ROLLBACK']]);
  });

  it('connection (5): that breaks has stopped what the server does for it, and does not wait for that for ever', async () => {
    const { client, clock, closes, connection, tally, root } = make();

    const terms = { contexts: [root], stakes: 'effect' } as const;
    const asked = connection.run({ text: 'one' }, terms).catch((error: unknown) => error);
    await settle();
    client.breakDown(new Error('reset'));

    expect(await asked).toMatchObject({ code: 'STATEMENT_OUTCOME_UNKNOWN' });
    expect([closes.length, tally.cancelRequests, clock.pendingCount]).toEqual([1, 1, 1]);
    await clock.advance(1000);
    expect(clock.pendingCount).toBe(0);
  });

  it('connection (5): that the server has ended, or that is being stopped already, is not stopped once more', async () => {
    const [ended, stopped] = [make(), make()];
    const context = stopped.root.withCancel();

    const one = ended.connection.run({ text: 'one' }, { contexts: [ended.root], stakes: 'no-effect' }).catch(() => {});
    const two = stopped.connection.run({ text: 'two' }, { contexts: [context], stakes: 'no-effect' }).catch(() => {});
    await settle();
    ended.client.fail(serverError('57P01', 'FATAL'));
    context.cancel('left');
    stopped.client.breakDown(new Error('reset'));
    await Promise.all([one, two]);

    expect([ended.tally.cancelRequests, stopped.tally.cancelRequests]).toEqual([0, 1]);
  });

  it('connection (5): that breaks or takes too long in COMMIT has nothing stopped: it may yet be done', async () => {
    const [broken, late] = [make(), make()];

    const terms = { contexts: [], stakes: 'effect', limitMs: 500 } as const;
    const asked = [broken, late].map(({ connection }) =>
      connection.run({ text: 'COMMIT' }, terms).catch((error: unknown) => error),
    );
    await settle();
    broken.client.breakDown(new Error('reset'));
    await late.clock.advance(500);

    expect(await Promise.all(asked)).toMatchObject(['', ''].map(() => ({ code: 'STATEMENT_OUTCOME_UNKNOWN' })));
    expect([broken.tally.cancelRequests, late.tally.cancelRequests]).toEqual([0, 0]);
  });

  it('connection (3), (4): that breaks while nothing runs is destroyed, and the process lives', async () => {
    const { client, connection, tally } = make();
    const broken = new Error('reset');

    client.breakDown(broken);
    await connection.release();

    await expect(connection.run({ text: 'one' }, { contexts: [], stakes: 'effect' })).rejects.toBe(broken);
    expect([client.releases, tally.dropped, tally.checkedOut]).toEqual([[broken], 1, 0]);
    client.breakDown(new Error('and again')); // somebody still listens
    expect(client.listenerCount).toBe(1);
  });
});
