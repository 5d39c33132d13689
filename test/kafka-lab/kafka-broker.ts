/**
 * Kafka broker: as much of a broker as a client of the classic group protocol asks for, in this process, over real TCP, and
 * with faults that a test switches on.
 *
 * It is no Kafka: one node, memory only, no compression by itself, no transactions, one version of each request. It is written
 * after the protocol guide, and proves how our consumers behave where a broker behaves as that says.
 *
 * Source: Kafka protocol guide, https://kafka.apache.org/protocol.html.
 *
 * @module
 */

import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

import { errorCodes, GroupCoordinator } from './group-coordinator.ts';
import { PartitionLog } from './partition-log.ts';
import { type BrokerRequest, type BrokerState, answerTo, nameOfApi } from './broker-answers.ts';
import { WireReader } from './wire.ts';

/** Faults that a test switches on. */
interface BrokerFaults {
  /** Milliseconds that a fetch is answered later. */
  fetchDelayMs: number;
  /** Whether the coordinator says that it is none any more. */
  isCoordinatorLost: boolean;
  /** Names of requests that are not answered at all: `Heartbeat`. */
  readonly silent: Set<string>;
}

/** A broker of our own. */
export interface KafkaBroker extends AsyncDisposable {
  readonly address: string;
  readonly faults: BrokerFaults;
  /** Names of the requests that have come, in order. */
  readonly requests: readonly string[];
  /** The group of that name, which there is as soon as it is asked for. */
  group(name: string): GroupCoordinator;
  /** The offset that the next record of a partition gets. */
  endOffset(topic: string, partition: number): number;
  /** Breaks all connections; the port goes on listening. */
  dropConnections(): void;
  stop(): Promise<void>;
}

/** Starts a broker with `topics`, each with so many partitions. */
export async function startKafkaBroker(topics: Readonly<Record<string, number>>): Promise<KafkaBroker> {
  const broker = new Broker(topics);
  await broker.listen();
  return broker;
}

// --- internal ---

class Broker implements KafkaBroker, BrokerState {
  readonly faults: BrokerFaults = { fetchDelayMs: 0, isCoordinatorLost: false, silent: new Set() };
  readonly requests: string[] = [];
  readonly logs = new Map<string, readonly PartitionLog[]>();
  readonly #groups = new Map<string, GroupCoordinator>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(topics: Readonly<Record<string, number>>) {
    for (const [topic, count] of Object.entries(topics))
      this.logs.set(
        topic,
        Array.from({ length: count }, () => new PartitionLog()),
      );
    this.#server = createServer((socket) => this.#serve(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  group(name: string): GroupCoordinator {
    const group = this.#groups.get(name) ?? new GroupCoordinator();
    this.#groups.set(name, group);
    return group;
  }

  endOffset(topic: string, partition: number): number {
    return this.logs.get(topic)?.[partition]?.endOffset ?? 0;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    for (const group of this.#groups.values()) group.stop();
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // --- internal ---

  #serve(socket: Socket): void {
    let pending = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const length = pending.readInt32BE(0);
        const frame = Buffer.from(pending.subarray(4, 4 + length));
        pending = pending.subarray(4 + length);
        this.#take(socket, frame);
      }
    });
  }

  #take(socket: Socket, frame: Buffer): void {
    const reader = new WireReader(frame);
    const request: BrokerRequest = {
      api: reader.int16(),
      version: reader.int16(),
      correlationId: reader.int32(),
      clientId: reader.text() ?? '',
      reader,
    };
    const name = nameOfApi(request.api);
    this.requests.push(name);
    if (this.faults.silent.has(name)) return;
    const answer = (body: Buffer): void => {
      const head = Buffer.alloc(8);
      head.writeInt32BE(4 + body.length, 0);
      head.writeInt32BE(request.correlationId, 4);
      if (!socket.destroyed) socket.write(Buffer.concat([head, body]));
    };
    answerTo(this, request, answer);
  }

  /** What the coordinator says before it looks at a request. */
  coordinatorError(): number {
    return this.faults.isCoordinatorLost ? errorCodes.notCoordinator : errorCodes.none;
  }
}
