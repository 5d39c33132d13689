import { virtualClock } from '@holdfast/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { FakeConnection, refusal, silence } from '../../../../test/redis/fake-connection.ts';
import type { OwnConnection } from '../redis-client.ts';
import { ChannelLine } from './channel-line.ts';
import { type Denial, RequestLog } from '../circuit-store/request-log.ts';

const deadlineMs = 500;
const pingEveryMs = 2000;

let clock = virtualClock();
let connection = new FakeConnection();
let told: string[] = [];
let denials: Denial[] = [];
let log = new RequestLog(clock, () => {});

beforeEach(() => {
  clock = virtualClock();
  connection = new FakeConnection();
  told = [];
  denials = [];
  log = new RequestLog(clock, (denial) => denials.push(denial));
});

function line(command: 'subscribe' | 'ssubscribe' = 'subscribe'): ChannelLine {
  const listener = {
    began: (channel: string) => void told.push(`began ${channel}`),
    lost: (channel: string) => void told.push(`lost ${channel}`),
    heard: (channel: string, text: string) => void told.push(`heard ${channel} ${text}`),
    refused: (channel: string) => void told.push(`refused ${channel}`),
    ended: () => void told.push('ended'),
  };
  return new ChannelLine({
    connection: connection as unknown as OwnConnection,
    command,
    clock,
    random: () => 0.5,
    deadlineMs,
    pingEveryMs: () => pingEveryMs,
    log,
    listener,
  });
}

/** A line that hears channel a. */
async function hearing(command: 'subscribe' | 'ssubscribe' = 'subscribe'): Promise<ChannelLine> {
  const hears = line(command);
  hears.add('a');
  connection.connect();
  await clock.advance(0);
  told = [];
  return hears;
}

describe('ChannelLine', () => {
  it('(1) tells that a channel has begun once the server has acknowledged it', async () => {
    let acknowledge: (count: number) => void = () => {};
    connection.answers['subscribe'] = () => new Promise((resolve) => (acknowledge = resolve));
    line().add('a');
    expect(connection.sent).toEqual([]);

    connection.connect();
    await clock.advance(0);
    expect(told).toEqual([]);

    acknowledge(1);
    await clock.advance(0);
    expect(told).toEqual(['began a']);
    expect(connection.sent).toEqual(['subscribe a']);
  });

  it('(1) does not believe an acknowledgement of an earlier connection', async () => {
    const acknowledge: ((count: number) => void)[] = [];
    connection.answers['subscribe'] = () => new Promise((resolve) => acknowledge.push(resolve));
    line().add('a');
    connection.connect();
    connection.lose();
    connection.connect();
    await clock.advance(0);

    acknowledge[0]?.(1);
    await clock.advance(0);
    expect(told).toEqual([]);
    acknowledge[1]?.(1);
    await clock.advance(0);
    expect(told).toEqual(['began a']);
  });

  it('subscribes at once to a channel that comes while it is ready', async () => {
    const hears = await hearing();
    hears.add('b');
    hears.add('b');
    await clock.advance(0);

    expect(connection.sent).toEqual(['subscribe a', 'subscribe b']);
    expect(told).toEqual(['began b']);
  });

  it('passes on what is published on its channels, and on no other', async () => {
    await hearing();
    connection.emit('message', 'a', 'news');
    connection.emit('message', 'other', 'news');

    expect(told).toEqual(['heard a news']);
  });

  it('(2) tells a loss once, and subscribes again when the connection is back', async () => {
    await hearing();
    connection.lose();
    connection.emit('close'); // a connection that could not be made ends, too
    connection.connect();
    await clock.advance(0);

    expect(told).toEqual(['lost a', 'began a']);
  });

  it('(2) tells nothing after close', async () => {
    const hears = await hearing();
    expect(hears.close()).toEqual(['a']);
    connection.emit('message', 'a', 'news');
    connection.emit('close');

    expect(told).toEqual([]);
    expect(connection.disconnects).toEqual([false]);
  });

  it('(3) gives up a connection that answers no PING', async () => {
    await hearing();
    connection.answers['ping'] = silence;
    await clock.advance(pingEveryMs);
    expect(connection.sent).toContain('ping');
    await clock.advance(deadlineMs - 1);
    expect(told).toEqual([]);

    await clock.advance(1);
    expect(told).toEqual(['lost a']);
    expect(connection.disconnects).toEqual([true]);
    expect(log.counted('ping', 'timeout')).toBe(1);
  });

  it('(3) takes any answer to a PING for an answer, also a refusal', async () => {
    await hearing();
    connection.answers['ping'] = refusal('NOPERM this user has no permissions');
    await clock.advance(2 * pingEveryMs);

    expect(connection.sent.filter((command) => command === 'ping')).toHaveLength(2);
    expect(connection.disconnects).toEqual([]);
    expect(denials).toHaveLength(1);
  });

  it('(3) gives up a connection that does not answer a subscription', async () => {
    connection.answers['subscribe'] = silence;
    line().add('a');
    connection.connect();
    await clock.advance(deadlineMs);

    expect(connection.disconnects).toEqual([true]);
  });

  it('(4) has a timer only while the connection stands, and none that holds the process', async () => {
    const hears = await hearing();
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
    connection.lose();
    expect(clock.pendingCount).toBe(0);
    connection.connect();
    await clock.advance(0);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
    hears.close();
    expect(clock.pendingCount).toBe(0);
  });

  it('asks again with the next PING for a channel that was refused', async () => {
    connection.answers['subscribe'] = refusal('NOPERM');
    line().add('a');
    connection.connect();
    await clock.advance(0);
    expect(told).toEqual(['refused a']);
    expect(denials).toEqual([{ operation: 'subscribe', message: 'NOPERM' }]);

    delete connection.answers['subscribe'];
    await clock.advance(pingEveryMs);
    expect(told).toEqual(['refused a', 'began a']);
  });

  it('asks again for what it hears when the server says that a slot has moved', async () => {
    const hears = await hearing('ssubscribe');
    hears.add('b');
    await clock.advance(0);
    told = [];
    connection.answers['ssubscribe'] = (channel) => {
      if (channel === 'a') return 1;
      connection.emit('moved');
      throw new Error('MOVED 1 127.0.0.1:2');
    };
    connection.emit('moved');
    await clock.advance(0);

    expect(told).toEqual(['lost a', 'lost b', 'began a', 'refused b']);
    expect(connection.sent).toHaveLength(4);
  });

  it('makes another connection where it is told that messages were missed', async () => {
    const hears = await hearing();
    hears.renew();
    expect([told, connection.disconnects, hears.has('a')]).toEqual([['lost a'], [true], true]);

    hears.renew();
    expect(connection.disconnects).toEqual([true]);
  });

  it('tells when the connection does not come back', async () => {
    await hearing();
    connection.end();

    expect(told).toEqual(['lost a', 'ended']);
  });
});
