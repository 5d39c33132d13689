/**
 * What the packages have fits the shapes that the exporter reads.
 *
 * @module
 */

import type { ContextMonitor } from '@holdfast/context';
import type { CircuitStore } from '@holdfast/core';
import type { Brownout, Degradation, Outbox } from '@holdfast/degradation';
import type { GrpcServing } from '@holdfast/grpc';
import type { RequestContexts } from '@holdfast/http';
import type {
  BrownoutSource,
  ConsumerSource,
  ContextSource,
  DegradationSource,
  GrpcSource,
  HttpSource,
  OutboxSource,
  SqlSource,
  StoreSource,
  SupervisorSource,
  TrackerSource,
} from '@holdfast/prometheus';
import type { JobWorker } from '@holdfast/queue/bullmq';
import type { KafkaConsumer } from '@holdfast/queue/kafka';
import type { Consumer } from '@holdfast/queue/rabbitmq';
import type { RedisCircuitStore, RedisFeatureStore, RedisLevelBallot, RedisOnce, RedisOutbox } from '@holdfast/redis';
import type { Supervisor, Tracker } from '@holdfast/service';
import type { SqlPool } from '@holdfast/sql';
import { expectTypeOf, it } from 'vitest';

it('what the packages have fits what the exporter reads', () => {
  expectTypeOf<Degradation>().toExtend<DegradationSource>();
  expectTypeOf<Brownout>().toExtend<BrownoutSource>();
  expectTypeOf<ContextMonitor>().toExtend<ContextSource>();
  expectTypeOf<Outbox<number>>().toExtend<OutboxSource>();
  expectTypeOf<RedisOutbox<number>>().toExtend<OutboxSource>();
  expectTypeOf<Tracker>().toExtend<TrackerSource>();
  expectTypeOf<Supervisor>().toExtend<SupervisorSource>();
  expectTypeOf<RequestContexts>().toExtend<HttpSource>();
  expectTypeOf<GrpcServing>().toExtend<GrpcSource>();
  expectTypeOf<Consumer | KafkaConsumer | JobWorker>().toExtend<ConsumerSource>();
  expectTypeOf<SqlPool>().toExtend<SqlSource>();
  expectTypeOf<CircuitStore | RedisCircuitStore | RedisFeatureStore>().toExtend<StoreSource>();
  expectTypeOf<RedisLevelBallot | RedisOnce | RedisOutbox<number>>().toExtend<StoreSource>();
});
