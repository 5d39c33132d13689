import { virtualClock } from '@holdfast/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { FakeConnection, refusal } from '../../../../test/redis/fake-connection.ts';
import { hashSlot } from '../hash-slot.ts';
import type { OwnCluster } from '../redis-client.ts';
import { clusterSubscription } from './cluster-subscription.ts';
import { RequestLog } from '../circuit-store/request-log.ts';
import type { Subscription } from './subscription.ts';

const [one, two] = ['rb1:{prod/1}:e', 'rb1:{prod/2}:e'];

let clock = virtualClock();
let cluster = new FakeConnection();
let told: string[] = [];

beforeEach(() => {
  clock = virtualClock();
  cluster = new FakeConnection();
  told = [];
  cluster.servers = [server(1), server(2)];
  assign(one, 1);
  assign(two, 2);
});

function server(port: number): FakeConnection {
  return Object.assign(new FakeConnection(), { options: { host: 'h', port } });
}

/** Says which server has the slot of a channel. */
function assign(channel: string, port: number): void {
  cluster.slots[hashSlot(channel)] = [`h:${port}`];
}

/** The last connection that was made to a server. */
function lineTo(port: number): FakeConnection {
  const made = cluster.servers.find(({ options }) => options['port'] === port)?.duplicates.at(-1);
  if (made === undefined) throw new Error(`no connection to ${port}`);
  return made;
}

function madeCount(): number {
  return cluster.servers.reduce((sum, { duplicates }) => sum + duplicates.length, 0);
}

function subscribes(): Subscription {
  const log = new RequestLog(clock, () => {});
  return clusterSubscription(cluster as unknown as OwnCluster, {
    line: { clock, random: () => 0.5, deadlineMs: 500, pingEveryMs: () => 2000, log },
    connection: { role: 'subscriber', commandTimeoutMs: 1000, random: () => 0.5 },
    listener: {
      subscribed: (channel, isSubscribed) => void told.push(`${isSubscribed ? 'began' : 'lost'} ${channel}`),
      heard: (channel, text) => void told.push(`heard ${channel} ${text}`),
    },
  });
}

/** Both channels are heard, each at its master. */
async function hearing(): Promise<Subscription> {
  const subscription = subscribes();
  cluster.connect();
  for (const channel of [one, two]) subscription.add(channel);
  for (const port of [1, 2]) lineTo(port).connect();
  await clock.advance(0);
  told = [];
  return subscription;
}

describe('clusterSubscription', () => {
  it('(1) subscribes to each channel at the master that has its slot', async () => {
    await hearing();

    expect(lineTo(1).sent).toEqual([`ssubscribe ${one}`]);
    expect(lineTo(2).sent).toEqual([`ssubscribe ${two}`]);
  });

  it('shares one connection among the channels of a master', async () => {
    assign(two, 1);
    const subscription = subscribes();
    cluster.connect();
    subscription.add(one);
    subscription.add(two);

    expect(madeCount()).toBe(1);
  });

  it('passes on what is published', async () => {
    await hearing();
    lineTo(2).emit('smessage', two, 'news');

    expect(told).toEqual([`heard ${two} news`]);
  });

  it('(2) waits until the Cluster is ready', () => {
    subscribes().add(one);
    expect(madeCount()).toBe(0);

    cluster.connect();
    expect(madeCount()).toBe(1);
  });

  it('(2) goes to another master when the one it is at ends', async () => {
    await hearing();
    lineTo(2).end();
    cluster.servers = [cluster.servers[0] as FakeConnection];
    expect(told).toEqual([`lost ${two}`]);

    await clock.advance(2000);
    assign(two, 1);
    await clock.advance(2000);
    expect(lineTo(1).sent).toContain(`ssubscribe ${two}`);
    expect(told).toEqual([`lost ${two}`, `began ${two}`]);
  });

  it('(1) (2) follows a slot that has moved', async () => {
    await hearing();
    lineTo(2).answers['ssubscribe'] = refusal(`MOVED ${hashSlot(two)} h:1`);
    lineTo(2).emit('moved');
    await clock.advance(0);
    expect(cluster.sent).toEqual(['refresh']); // at once, and again with each try
    expect(lineTo(2).disconnects).toEqual([false]);

    assign(two, 1);
    await clock.advance(2000);
    expect(told).toEqual([`lost ${two}`, `began ${two}`]);
    expect(lineTo(1).sent).toContain(`ssubscribe ${two}`);
    expect(lineTo(2).status).toBe('end');
  });

  it('(2) tries with growing pauses', async () => {
    const subscription = subscribes();
    cluster.connect();
    cluster.slots[hashSlot(one)] = [];
    subscription.add(one);
    await clock.advance(60_000);
    assign(one, 1);
    await clock.advance(2000);

    expect(madeCount()).toBe(1);
  });

  it('hears all at one server where there are no sharded channels', async () => {
    for (const known of cluster.servers)
      known.answers['ssubscribe'] = refusal("ERR unknown command 'ssubscribe', with args beginning with: ");
    const subscription = subscribes();
    cluster.connect();
    subscription.add(one);
    subscription.add(two);
    expect(subscription.isSharded).toBe(true);
    lineTo(1).connect();
    await clock.advance(0);
    expect(subscription.isSharded).toBe(false);

    const classic = cluster.servers.flatMap(({ duplicates }) => duplicates).find(({ status }) => status !== 'end');
    classic?.connect();
    await clock.advance(0);
    expect(classic?.sent).toEqual([`subscribe ${one}`, `subscribe ${two}`]);
    expect(told).toEqual([`began ${one}`, `began ${two}`]);
  });

  it('renews the connection of one channel alone', async () => {
    const subscription = await hearing();
    subscription.renew(two);

    expect([lineTo(1).disconnects, lineTo(2).disconnects]).toEqual([[], [true]]);
    expect(told).toEqual([`lost ${two}`]);
  });

  it('(3) leaves no connection and no timer', async () => {
    const subscription = await hearing();
    cluster.slots[hashSlot('other')] = [];
    subscription.add('other');
    subscription.close();

    expect([lineTo(1).status, lineTo(2).status]).toEqual(['end', 'end']);
    expect(clock.pendingCount).toBe(0);
    expect(cluster.listenerCount('ready')).toBe(0);
    expect(cluster.status).toBe('ready');
  });
});
