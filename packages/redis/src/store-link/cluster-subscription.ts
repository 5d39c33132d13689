/**
 * Cluster subscription: hears the channels of shards at the masters that have their hash slots, by one connection to each
 * master in use. Where the servers know no sharded channels, all of them are heard at any one server.
 *
 *  a channel:  homeless ── who has its slot? ─► at a line ── the line ends, the slot has moved ─► homeless
 *
 * The client's own sharded subscribers are not used: it does not tell when one of them is lost, nor that it has subscribed anew.
 *
 * Invariants
 *  (1) A channel is at one line at most.
 *  (2) A homeless channel is given a home as soon as one is known, tried again with growing pauses, and at once where the
 *      Cluster's connection becomes ready.
 *  (3) After `close` there is no line and no timer.
 *
 * @module
 */

import type { Timer } from '@holdfast/core';

import { addressOf, nodeOf } from '../cluster-node.ts';
import { nodeConnection } from '../own-connection.ts';
import type { ClusterNode, OwnCluster } from '../redis-client.ts';
import { isMoved, isUnknownCommand } from '../server-trouble.ts';
import { ChannelLine } from './channel-line.ts';
import type { Subscription, SubscriptionParts } from './subscription.ts';

/** Subscribes at the masters that `cluster`, which is not closed with it, knows of. */
export function clusterSubscription(cluster: OwnCluster, parts: SubscriptionParts): Subscription {
  return new ClusterSubscription(cluster, parts);
}

// --- internal ---

const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1000;

class ClusterSubscription implements Subscription {
  private readonly cluster: OwnCluster;
  private readonly parts: SubscriptionParts;
  private readonly homeless = new Set<string>();
  private readonly lines = new Map<string, ChannelLine>();
  private readonly onReady = (): void => this.settle();
  private timer: Timer | undefined = undefined;
  private pauses = 0;
  private isClosed = false;
  isSharded = true;

  constructor(cluster: OwnCluster, parts: SubscriptionParts) {
    this.cluster = cluster;
    this.parts = parts;
    cluster.on('ready', this.onReady);
  }

  add(channel: string): void {
    this.homeless.add(channel);
    this.settle();
  }

  renew(channel: string): void {
    for (const line of this.lines.values()) if (line.has(channel)) line.renew();
  }

  close(): void {
    this.isClosed = true;
    this.timer?.cancel(); // (3)
    this.cluster.off('ready', this.onReady);
    for (const line of this.lines.values()) line.close();
    this.lines.clear();
    this.homeless.clear();
  }

  /** Gives homeless channels a home: (2). */
  private settle(): void {
    if (this.isClosed) return;
    for (const channel of this.homeless) {
      const line = this.lineFor(channel);
      if (line === undefined) continue;
      this.homeless.delete(channel); // (1)
      line.add(channel);
    }
    if (this.homeless.size > 0) this.settleLater();
  }

  private settleLater(): void {
    if (this.timer !== undefined || this.isClosed) return;
    const { clock, random } = this.parts.line;
    const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.pauses++) * (0.5 + random() / 2);
    this.timer = clock.setTimer(() => {
      this.timer = undefined;
      if (this.cluster.status === 'ready') this.cluster.refreshSlotsCache(); // nobody else may ask it while nothing is answered
      this.settle();
    }, pauseMs);
    this.timer.unref();
  }

  private lineFor(channel: string): ChannelLine | undefined {
    if (this.cluster.status !== 'ready') return undefined;
    const node = this.isSharded ? nodeOf(this.cluster, channel) : this.anyNode();
    if (node === undefined) return undefined;
    const address = addressOf(node);
    const line = this.lines.get(address) ?? this.openLine(address, node);
    this.lines.set(address, line);
    return line;
  }

  /** The server that is used already, or one at random. */
  private anyNode(): ClusterNode | undefined {
    const nodes = this.cluster.nodes('all');
    const used = nodes.find((node) => this.lines.has(addressOf(node)));
    return used ?? nodes[Math.floor(this.parts.line.random() * nodes.length)];
  }

  private openLine(address: string, node: ClusterNode): ChannelLine {
    const { line, connection, listener } = this.parts;
    const command = this.isSharded ? 'ssubscribe' : 'subscribe';
    return new ChannelLine({
      ...line,
      connection: nodeConnection(node, connection),
      command,
      listener: {
        began: (channel) => {
          this.pauses = 0;
          listener.subscribed(channel, true);
        },
        lost: (channel) => listener.subscribed(channel, false),
        heard: (channel, text) => listener.heard(channel, text),
        refused: (channel, error) => this.refused(address, channel, error),
        ended: () => this.ended(address),
      },
    });
  }

  private refused(address: string, channel: string, error: unknown): void {
    if (isUnknownCommand(error) && this.isSharded) {
      this.isSharded = false;
      for (const known of this.lines.keys()) this.evict(known);
      this.settle();
      return;
    }
    if (!isMoved(error)) return; // not allowed, or not now: asked for again with the next PING
    this.lines.get(address)?.remove(channel);
    this.homeless.add(channel);
    if (this.lines.get(address)?.size === 0) this.evict(address);
    this.cluster.refreshSlotsCache();
    this.settleLater();
  }

  private ended(address: string): void {
    this.evict(address);
    this.settleLater();
  }

  /** Gives up a line: its channels are homeless. */
  private evict(address: string): void {
    const line = this.lines.get(address);
    if (line === undefined) return;
    for (const channel of line.close()) this.homeless.add(channel);
    this.lines.delete(address);
  }
}
