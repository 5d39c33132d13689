/**
 * Lab server: a server of features in memory and virtual time, with connections that are lost, answers that are held back and
 * notices that do not come.
 *
 *   up ── pause ─► paused ── resume ─► up ── down ─► down ── up: as it was, as it was a while ago, or empty ─► up
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import { featureSave, featureSync } from '../../../packages/redis/src/feature-store/feature-scripts.ts';
import { FakeConnection } from '../../redis/fake-connection.ts';
import { FeatureModel, type SaveArguments } from '../../redis/feature-model.ts';

/** What the network does, drawn anew each time. */
export interface LabNetwork {
  /** Returns from 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Share of the notices that are lost. */
  lossRatio: number;
}

/** The server's clock is ahead of the test's by so much. Milliseconds. */
const EPOCH_MS = 1_763_672_400_000;

/** One way. Milliseconds. */
const TRIP_MS = 1;

/** A server that a test drives. */
export class LabServer {
  model: FeatureModel = new FeatureModel();
  private readonly clock: Clock;
  private readonly network: LabNetwork;
  private readonly connections = new Set<LabConnection>();
  private snapshot: FeatureModel = new FeatureModel();
  private state: 'up' | 'paused' | 'down' = 'up';
  private waiting: (() => void)[] = [];

  constructor(clock: Clock, network: LabNetwork) {
    this.clock = clock;
    this.network = network;
  }

  get isUp(): boolean {
    return this.state === 'up';
  }

  /** Makes a client for one process. */
  client(): FakeConnection {
    return new LabConnection(this);
  }

  pause(): void {
    if (this.state === 'up') this.state = 'paused';
  }

  /** Does what was asked meanwhile, whoever waits for it still. */
  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'up';
    for (const go of this.waiting.splice(0)) go();
  }

  down(): void {
    this.state = 'down';
    this.waiting = [];
    for (const connection of this.connections) connection.lose();
  }

  /** Comes back as it was, as it was when it was last saved, or empty. */
  up(how: 'same' | 'saved' | 'empty'): void {
    if (how === 'empty') this.model = new FeatureModel();
    if (how === 'saved') this.model = this.snapshot.copy();
    this.state = 'up';
    for (const connection of this.connections) this.connectLater(connection);
  }

  save(): void {
    this.snapshot = this.model.copy();
  }

  /** A connection is there from now on. */
  add(connection: LabConnection): void {
    this.connections.add(connection);
    this.connectLater(connection);
  }

  remove(connection: LabConnection): void {
    this.connections.delete(connection);
  }

  /** Connects within half a second, if there is anything to connect to. */
  connectLater(connection: LabConnection): void {
    this.after(TRIP_MS + 500 * this.network.random(), () => {
      if (this.state !== 'down' && this.connections.has(connection) && connection.status !== 'ready')
        connection.connect();
    });
  }

  /** Answers a command of `connection`. */
  async answer<T>(connection: LabConnection, run: () => T): Promise<T> {
    await this.trip();
    if (this.state === 'paused') await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.state === 'down') throw new Error('Connection is closed.');
    const reply = run();
    await this.trip();
    if (connection.status !== 'ready') throw new Error('Connection is closed.');
    return reply;
  }

  /** Runs a script. */
  run(sha: string, words: readonly string[]): unknown {
    const now = EPOCH_MS + Math.floor(this.clock.now());
    if (sha === featureSync.sha) {
      const [time, stamp, all] = this.model.sync(words[2] as string, now);
      return all === undefined ? [time, stamp] : [time, stamp, (all as readonly string[][]).flat()];
    }
    if (sha !== featureSave.sha) throw new Error('NOSCRIPT');
    const [, , , ...args] = words;
    const told = this.model.notices.length;
    const given = args.map((word, index) => (index === MAX_AUDITED ? Number(word) : word));
    const reply = this.model.save(given as unknown as SaveArguments, now);
    for (const text of this.model.notices.slice(told)) this.publish(args[0] as string, text);
    return reply;
  }

  private publish(channel: string, text: string): void {
    for (const connection of this.connections) {
      if (!connection.channels.has(channel) || this.network.random() < this.network.lossRatio) continue;
      this.after(TRIP_MS + 20 * this.network.random(), () => {
        if (connection.channels.has(channel)) connection.emit('message', channel, text);
      });
    }
  }

  private trip(): Promise<void> {
    return new Promise((resolve) => this.after(TRIP_MS, resolve));
  }

  private after(ms: number, what: () => void): void {
    this.clock.setTimer(what, ms).unref();
  }
}

/** A connection to a lab server. */
class LabConnection extends FakeConnection {
  readonly channels = new Set<string>();
  private readonly server: LabServer;

  constructor(server: LabServer) {
    super();
    this.server = server;
    this.answers['evalsha'] = (sha, _count, ...words) => server.answer(this, () => server.run(sha, words));
    this.answers['lrange'] = () => server.answer(this, () => [...server.model.trail]);
    this.answers['ping'] = () => server.answer(this, () => 'PONG');
    this.answers['subscribe'] = (channel) => server.answer(this, () => this.channels.add(channel));
  }

  override duplicate(): FakeConnection {
    const duplicate = new LabConnection(this.server);
    this.server.add(duplicate);
    return duplicate;
  }

  override lose(): void {
    this.channels.clear();
    super.lose();
    this.server.connectLater(this);
  }

  override end(): void {
    this.channels.clear();
    this.server.remove(this);
    super.lose();
    this.status = 'end';
  }
}

// --- internal ---

/** Which argument of a save is a number. */
const MAX_AUDITED = 10;
