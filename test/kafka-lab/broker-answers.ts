/**
 * Broker answers: what the broker says to each request, in the one version of it that it knows.
 *
 * @module
 */

import { type GroupCoordinator, errorCodes } from './group-coordinator.ts';
import type { PartitionLog } from './partition-log.ts';
import { type WireReader, WireWriter } from './wire.ts';

/** A request, its header read. */
export interface BrokerRequest {
  readonly api: number;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string;
  readonly reader: WireReader;
}

/** What answers are made of. */
export interface BrokerState {
  readonly port: number;
  readonly logs: ReadonlyMap<string, readonly PartitionLog[]>;
  readonly faults: { readonly fetchDelayMs: number };
  group(name: string): GroupCoordinator;
  coordinatorError(): number;
}

type Answer = (body: Buffer) => void;
type Handler = (state: BrokerState, request: BrokerRequest, answer: Answer) => void;

/** Answers `request`, now or later. */
export function answerTo(state: BrokerState, request: BrokerRequest, answer: Answer): void {
  const api = apis.get(request.api);
  if (request.api === API_VERSIONS && request.version > 0) {
    answer(new WireWriter().int16(UNSUPPORTED_VERSION).int32(0).done()); // the client asks again, in version 0
    return;
  }
  if (api === undefined || api.version !== request.version)
    throw new Error(`the fake broker knows no ${nameOfApi(request.api)} in version ${request.version}`);
  api.handle(state, request, answer);
}

/** Name of a kind of request. */
export function nameOfApi(api: number): string {
  return apis.get(api)?.name ?? `api ${api}`;
}

// --- internal ---

function apiVersions(_state: BrokerState, _request: BrokerRequest, answer: Answer): void {
  const writer = new WireWriter().int16(errorCodes.none);
  writer.array([...apis], ([key, { version }]) => writer.int16(key).int16(version).int16(version));
  answer(writer.done());
}

function metadata(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  const asked = reader.array(() => reader.text() ?? '');
  const topics = asked.length === 0 ? [...state.logs.keys()] : asked;
  const writer = new WireWriter();
  writer.array([NODE], (node) => writer.int32(node).text(HOST).int32(state.port).text(undefined));
  writer.int32(NODE);
  writer.array(topics, (topic) => {
    const logs = state.logs.get(topic);
    writer
      .int16(logs === undefined ? UNKNOWN_TOPIC : errorCodes.none)
      .text(topic)
      .int8(0);
    writer.array([...(logs ?? []).keys()], (partition) => {
      writer.int16(errorCodes.none).int32(partition).int32(NODE);
      writer.array([NODE], (node) => writer.int32(node)).array([NODE], (node) => writer.int32(node));
    });
  });
  answer(writer.done());
}

function findCoordinator(state: BrokerState, _request: BrokerRequest, answer: Answer): void {
  answer(new WireWriter().int16(errorCodes.none).int32(NODE).text(HOST).int32(state.port).done());
}

function joinGroup(state: BrokerState, { reader, clientId }: BrokerRequest, answer: Answer): void {
  const group = state.group(reader.text() ?? '');
  const sessionTimeoutMs = reader.int32();
  const rebalanceTimeoutMs = reader.int32();
  const memberId = reader.text() ?? '';
  reader.text(); // the type of the protocol
  const protocols = reader.array(() => ({ name: reader.text() ?? '', metadata: reader.bytes() }));
  group.join({ memberId, clientId, sessionTimeoutMs, rebalanceTimeoutMs, protocols }, (told) => {
    const writer = new WireWriter().int16(told.errorCode).int32(told.generation).text(told.protocol);
    writer.text(told.leader).text(told.memberId);
    writer.array(told.members, (member) => writer.text(member.memberId).bytes(member.metadata));
    answer(writer.done());
  });
}

function syncGroup(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  const group = state.group(reader.text() ?? '');
  const generation = reader.int32();
  const memberId = reader.text() ?? '';
  const assignments = new Map(reader.array(() => [reader.text() ?? '', reader.bytes()] as const));
  group.sync(memberId, generation, assignments, (errorCode, assignment) =>
    answer(new WireWriter().int16(errorCode).bytes(assignment).done()),
  );
}

function heartbeat(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  const group = state.group(reader.text() ?? '');
  const generation = reader.int32();
  const memberId = reader.text() ?? '';
  const lost = state.coordinatorError();
  answer(new WireWriter().int16(lost === errorCodes.none ? group.heartbeat(memberId, generation) : lost).done());
}

function leaveGroup(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  const group = state.group(reader.text() ?? '');
  answer(new WireWriter().int16(group.leave(reader.text() ?? '')).done());
}

function offsetFetch(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  const group = state.group(reader.text() ?? '');
  const topics = reader.array(() => ({ topic: reader.text() ?? '', partitions: reader.array(() => reader.int32()) }));
  const writer = new WireWriter();
  writer.array(topics, ({ topic, partitions }) => {
    writer.text(topic).array(partitions, (partition) => {
      writer.int32(partition).int64(group.committed(topic, partition)).text('').int16(errorCodes.none);
    });
  });
  answer(writer.done());
}

function offsetCommit(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  const group = state.group(reader.text() ?? '');
  const generation = reader.int32();
  const memberId = reader.text() ?? '';
  reader.int64(); // how long it is kept
  const lost = state.coordinatorError();
  const topics = reader.array(() => ({
    topic: reader.text() ?? '',
    partitions: reader.array(() => ({ partition: reader.int32(), offset: reader.int64(), metadata: reader.text() })),
  }));
  const writer = new WireWriter();
  writer.array(topics, ({ topic, partitions }) => {
    writer.text(topic).array(partitions, ({ partition, offset }) => {
      const code = lost === errorCodes.none ? group.commit({ memberId, generation, topic, partition, offset }) : lost;
      writer.int32(partition).int16(code);
    });
  });
  answer(writer.done());
}

function listOffsets(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  reader.int32(); // the replica
  const topics = reader.array(() => ({
    topic: reader.text() ?? '',
    partitions: reader.array(() => ({ partition: reader.int32(), timestamp: reader.int64() })),
  }));
  const writer = new WireWriter();
  writer.array(topics, ({ topic, partitions }) => {
    writer.text(topic).array(partitions, ({ partition, timestamp }) => {
      const end = state.logs.get(topic)?.[partition]?.endOffset ?? 0;
      writer
        .int32(partition)
        .int16(errorCodes.none)
        .int64(-1)
        .int64(timestamp === EARLIEST ? 0 : end);
    });
  });
  answer(writer.done());
}

interface FetchedPartition {
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
}

function fetch(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  reader.int32(); // the replica
  const maxWaitMs = reader.int32();
  reader.int32(); // the least bytes
  reader.int32(); // the most bytes
  reader.int8(); // isolation
  const topics = reader.array(() => ({
    topic: reader.text() ?? '',
    partitions: reader.array(() => ({ partition: reader.int32(), offset: reader.int64(), maxBytes: reader.int32() })),
  }));
  const until = performance.now() + maxWaitMs;
  const hasRecords = ({ topic, partition, offset }: FetchedPartition & { topic: string }): boolean =>
    (state.logs.get(topic)?.[partition]?.endOffset ?? 0) > offset;
  const tryNow = (): void => {
    const all = topics.flatMap(({ topic, partitions }) => partitions.map((each) => ({ ...each, topic })));
    if (!all.some(hasRecords) && performance.now() < until) setTimeout(tryNow, 5);
    else answer(fetched(state, topics));
  };
  setTimeout(tryNow, state.faults.fetchDelayMs);
}

function fetched(state: BrokerState, topics: readonly { topic: string; partitions: FetchedPartition[] }[]): Buffer {
  const writer = new WireWriter().int32(0);
  writer.array(topics, ({ topic, partitions }) => {
    writer.text(topic).array(partitions, ({ partition, offset, maxBytes }) => {
      const log = state.logs.get(topic)?.[partition];
      const end = log?.endOffset ?? 0;
      writer
        .int32(partition)
        .int16(log === undefined ? UNKNOWN_TOPIC : errorCodes.none)
        .int64(end)
        .int64(end)
        .int32(0);
      writer.bytes(log?.read(offset, maxBytes) ?? Buffer.alloc(0));
    });
  });
  return writer.done();
}

function produce(state: BrokerState, { reader }: BrokerRequest, answer: Answer): void {
  reader.text(); // the transaction
  const acks = reader.int16();
  reader.int32(); // the time for it
  const topics = reader.array(() => ({
    topic: reader.text() ?? '',
    partitions: reader.array(() => ({ partition: reader.int32(), records: reader.bytes() })),
  }));
  const writer = new WireWriter();
  writer.array(topics, ({ topic, partitions }) => {
    writer.text(topic).array(partitions, ({ partition, records }) => {
      const log = state.logs.get(topic)?.[partition];
      writer.int32(partition).int16(log === undefined ? UNKNOWN_TOPIC : errorCodes.none);
      writer.int64(log?.append(records) ?? -1).int64(-1);
    });
  });
  writer.int32(0);
  if (acks !== 0) answer(writer.done());
}

const NODE = 1;
const HOST = '127.0.0.1';
const UNKNOWN_TOPIC = 3;
const EARLIEST = -2;
const API_VERSIONS = 18;
const UNSUPPORTED_VERSION = 35;

/** By the key of the protocol: the one version of each that is known here. */
const apis: ReadonlyMap<number, { readonly name: string; readonly version: number; readonly handle: Handler }> =
  new Map([
    [0, { name: 'Produce', version: 3, handle: produce }],
    [1, { name: 'Fetch', version: 4, handle: fetch }],
    [2, { name: 'ListOffsets', version: 1, handle: listOffsets }],
    [3, { name: 'Metadata', version: 1, handle: metadata }],
    [8, { name: 'OffsetCommit', version: 2, handle: offsetCommit }],
    [9, { name: 'OffsetFetch', version: 1, handle: offsetFetch }],
    [10, { name: 'FindCoordinator', version: 0, handle: findCoordinator }],
    [11, { name: 'JoinGroup', version: 1, handle: joinGroup }],
    [12, { name: 'Heartbeat', version: 0, handle: heartbeat }],
    [13, { name: 'LeaveGroup', version: 0, handle: leaveGroup }],
    [14, { name: 'SyncGroup', version: 0, handle: syncGroup }],
    [API_VERSIONS, { name: 'ApiVersions', version: 0, handle: apiVersions }],
  ]);
