import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RabbitmqServer, startRabbitmqServer } from './rabbitmq-server.ts';
import { hasRabbitmq, skipWithoutRabbitmq } from './skip-without-rabbitmq.ts';

describe('startRabbitmqServer', () => {
  skipWithoutRabbitmq();
  let server: RabbitmqServer;
  beforeAll(async () => {
    if (hasRabbitmq()) server = await startRabbitmqServer();
  });
  afterAll(() => (hasRabbitmq() ? server.stop() : undefined));

  it('gives a server of its own to each, and leaves nothing of it', async () => {
    const { folder } = await (async () => {
      await using other = await startRabbitmqServer();
      const channel = await (await server.connect()).createChannel();
      await channel.assertQueue('note');

      expect((await server.control('list_queues', 'name')).trim()).toMatch(/note$/);
      expect(await other.control('list_queues', 'name')).not.toContain('note');
      return other;
    })();

    expect(existsSync(folder)).toBe(false);
  });

  it('shows the output of a server that does not start', async () => {
    await expect(startRabbitmqServer({ config: ['no_such_setting = 1'] })).rejects.toThrow(/no_such_setting/);
  });

  it('blocks connections that publish, and closes them all', async () => {
    const connection = await server.connect();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('note');
    const seen: string[] = [];
    connection.on('blocked', () => seen.push('blocked')).on('unblocked', () => seen.push('unblocked'));
    const closed = new Promise((resolve) => {
      connection.on('close', resolve);
    });

    const unblock = await server.block();
    channel.sendToQueue('note', Buffer.from('1'));
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['blocked']);
    await unblock();
    await channel.waitForConfirms();
    await server.closeConnections('for a test');

    expect(seen).toEqual(['blocked', 'unblocked']);
    expect(await closed).toMatchObject({ message: expect.stringContaining('for a test') as string });
  });

  it('answers nothing while it is paused', async () => {
    const channel = await (await server.connect()).createChannel();
    let isAnswered = false;

    server.pause();
    const asked = channel.assertQueue('note').then(() => (isAnswered = true));
    await sleep(300);
    expect(isAnswered).toBe(false);
    server.resume();
    await asked;
  });

  it('keeps what was confirmed over a kill, at the same port, and loses its connections', async () => {
    const connection = await server.connect();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('kept', { durable: true });
    await server.writeDown();
    channel.sendToQueue('kept', Buffer.from('1'), { persistent: true });
    await channel.waitForConfirms();
    const lost = new Promise((resolve) => {
      connection.on('close', resolve);
    });

    await server.kill();
    await lost;
    await expect(server.connect()).rejects.toThrow('ECONNREFUSED');
    await server.restart();

    const again = await (await server.connect()).createChannel();
    expect(await again.checkQueue('kept')).toMatchObject({ messageCount: 1 });
    await server.shutDown();
    expect(server.output()).toContain("closure with reason 'shutdown'");
  });
});
