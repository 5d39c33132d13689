/**
 * Queues under a deadline: what consumers and publishers of every queue share. The queues themselves are subpaths:
 * `@holdfast/queue/rabbitmq`, `@holdfast/queue/bullmq`, `@holdfast/queue/kafka`.
 *
 * @module
 */

export { createQueueCodec, type QueueCodec, type QueueCodecOptions } from './codec.ts';
export { memoryOnce, memoryOnceDefaults, type MemoryOnceOptions } from './once/memory-once.ts';
export type { Once, OnceTry } from './once/once-port.ts';
