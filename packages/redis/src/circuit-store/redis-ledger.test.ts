import { virtualClock } from '@holdfast/core/testing';
import type { LedgerPort, SyncRequest } from '@holdfast/core/fleet';
import { describe, expect, it } from 'vitest';

import { FakeConnection, refusal, silence } from '../../../../test/redis/fake-connection.ts';
import { luaScript } from '../lua-script.ts';
import type { OwnConnection } from '../redis-client.ts';
import { type Exchange, type LedgerWire, redisLedger } from './redis-ledger.ts';
import { RequestLog } from './request-log.ts';

function setUp(over: Partial<LedgerWire> = {}) {
  const clock = virtualClock();
  const connection = new FakeConnection();
  const denied: string[] = [];
  const log = new RequestLog(clock, ({ message }) => denied.push(message));
  const exchange = {
    script: luaScript('sync', 'return 1'),
    encode: ({ node }: SyncRequest) => ({ keys: ['m', 'v'], args: [node, 3] }),
    decode: (reply: unknown) => ({ reply }),
  } as unknown as Exchange<never, never>;
  const wire = { sync: exchange, step: exchange, flush: exchange, hold: exchange, ...over } as LedgerWire;
  const parts = { wire, connection: connection as unknown as OwnConnection, clock, timeoutMs: 200, log };
  const unreadable: string[] = [];
  const onUnreadable = (rulings: readonly { readonly id: string }[]): void =>
    void unreadable.push(...rulings.map(({ id }) => id));
  const ledger: LedgerPort = redisLedger({ ...parts, onUnreadable });
  return { clock, connection, denied, log, ledger, unreadable };
}

const request = { node: 'a' } as SyncRequest;

describe('redisLedger', () => {
  it('sends what the wire encodes, and returns what it decodes', async () => {
    const { connection, ledger } = setUp();
    connection.connect();
    connection.answers['evalsha'] = () => [1];

    await expect(ledger.sync(request)).resolves.toEqual({ reply: [1] });
    expect(connection.sent).toEqual([`evalsha ${luaScript('sync', 'return 1').sha} 2 m v a 3`]);
  });

  it('(1) settles within its time, whatever the connection does', async () => {
    const { clock, connection, ledger } = setUp();
    connection.answers['evalsha'] = silence;
    await expect(ledger.sync(request)).rejects.toThrow('the connection is connecting');

    connection.connect();
    const outcome = ledger.sync(request).catch((error: unknown) => error);
    await clock.advance(200);
    await expect(outcome).resolves.toMatchObject({ trouble: 'timeout' });
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) rejects where the reply cannot be read', async () => {
    const broken = (): never => {
      throw new RangeError('not a reply');
    };
    const { connection, ledger } = setUp({
      sync: { script: luaScript('sync', ''), encode: () => ({ keys: [], args: [] }), decode: broken },
    });
    connection.connect();

    await expect(ledger.sync(request)).rejects.toThrow('not a reply');
  });

  it('(2) counts each request once', async () => {
    const { connection, ledger, log } = setUp();
    connection.connect();
    await ledger.sync(request);
    await ledger.hold({} as never);
    connection.answers['evalsha'] = refusal('READONLY You can not write against a read only replica.');
    await ledger.step({} as never).catch(() => {});
    await ledger.flush({} as never).catch(() => {});

    expect(log.health().operations).toEqual([
      { operation: 'sync', result: 'ok', count: 1 },
      { operation: 'step', result: 'error', count: 1 },
      { operation: 'flush', result: 'error', count: 1 },
      { operation: 'hold', result: 'ok', count: 1 },
    ]);
  });

  it('(3) does not take a server for one that answers while it refuses writes', async () => {
    const encode = ({ presence }: SyncRequest) => ({ keys: [], args: [presence ? 'write' : 'read'] });
    const sync = { script: luaScript('sync', ''), encode, decode: () => ({}) };
    const { connection, ledger } = setUp({ sync: sync as never });
    connection.connect();
    connection.answers['evalsha'] = (...words) => {
      if (words.at(-1) === 'read') return [];
      throw new Error('READONLY You can not write against a read only replica.');
    };
    const poll = { ...request, presence: false };
    await expect(ledger.sync(poll)).resolves.toEqual({});
    await expect(ledger.step({} as never)).rejects.toThrow('READONLY');
    await expect(ledger.sync(poll)).rejects.toThrow('READONLY');

    delete connection.answers['evalsha'];
    await expect(ledger.sync(poll)).resolves.toEqual({});
    expect(connection.sent.at(-1)).toContain('write');
    await ledger.sync(poll);
    expect(connection.sent.at(-1)).toContain('read');
  });

  it('(3) makes sure that it takes writes where only a part of what was asked came to nothing', async () => {
    const encode = ({ presence }: SyncRequest) => ({ keys: [], args: [presence ? 'write' : 'read'] });
    const sync = { script: luaScript('sync', ''), encode, decode: () => ({}) };
    const results = [{ code: 'failed', message: 'READONLY You can not write against a read only replica.' }];
    const step = { script: luaScript('step', ''), encode: () => ({ keys: [], args: [] }), decode: () => ({ results }) };
    const { connection, ledger } = setUp({ sync: sync as never, step: step as never });
    connection.connect();
    await ledger.step({} as never);
    const poll = { ...request, presence: false };
    await ledger.sync(poll);
    expect(connection.sent.at(-1)).toContain('write');
    await ledger.sync(poll);
    expect(connection.sent.at(-1)).toContain('read');
  });

  it('tells of rulings that it cannot read', async () => {
    const later = [{ id: 'prices', epoch: 1, unreadable: 'X' }];
    const sync = { script: luaScript('sync', ''), encode: () => ({ keys: [], args: [] }) };
    const { connection, ledger, unreadable } = setUp({
      sync: { ...sync, decode: () => ({ unreadable: later }) } as never,
    });
    connection.connect();
    await ledger.sync(request);

    expect(unreadable).toEqual(['prices']);
  });

  it('finds a denial among the results of a step', async () => {
    const results = [{ code: 'done' }, { code: 'failed', message: 'NOPERM No permissions to access a key' }];
    const step = { script: luaScript('step', ''), encode: () => ({ keys: [], args: [] }), decode: () => ({ results }) };
    const { connection, denied, ledger } = setUp({ step: step as never });
    connection.connect();
    await ledger.step({} as never);

    expect(denied).toEqual(['NOPERM No permissions to access a key']);
  });
});
