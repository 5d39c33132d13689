/**
 * Inventory client: how orders asks the inventory. What it asks may be asked twice, since it goes by the reference of the order.
 *
 *   retry ─► circuit breaker ─► timeout ─► gRPC
 *
 * A caller that leaves, or whose deadline was short, tells the circuit nothing: it is judged by what takes longer than we allow.
 *
 * @module
 */

import { type CircuitBreaker, type Context, type Registry, circuitBreaker, retry, timeout } from '@holdfast/core';
import { classifyGrpc, createGrpcClient, isRetryableGrpc } from '@holdfast/grpc';

import { type InventoryClient, type ReserveReply, openInventoryClient } from '../contract/inventory-contract.ts';
import { grpcCodec } from '../contract/order-context.ts';
import type { Order } from '../contract/order.ts';
import { blameless } from '../service/blameless.ts';

/** Asks the inventory. */
export interface Inventory {
  readonly breaker: CircuitBreaker;
  /** Puts aside what there is of an order. */
  reserve(context: Context, order: Order): Promise<ReserveReply>;
  close(): void;
}

/** The longest that a reservation takes where all is well: less than users wait, or nobody would be left to judge. Milliseconds. */
const LIMIT_MS = 2000;

/** Creates a client of the inventory at `address`. */
export function createInventory(address: string, registry: Registry): Inventory {
  const client: InventoryClient = openInventoryClient(address);
  const breaker = registry.create(circuitBreaker, {
    name: 'inventory',
    minimumCalls: 10,
    failureRatio: 0.5,
    openForMs: 1000,
    classify: blameless(classifyGrpc),
  });
  const policy = registry.pipeline(
    'inventory',
    registry.create(retry, {
      name: 'inventory',
      maxAttempts: 3,
      baseDelayMs: 20,
      maxDelayMs: 200,
      isRetryable: isRetryableGrpc,
    }),
    breaker,
    registry.create(timeout, { name: 'inventory', timeoutMs: LIMIT_MS }),
  );
  const calls = createGrpcClient(client, { codec: grpcCodec, policy });
  return {
    breaker,
    reserve: (context, { ref, lines }) => calls.reserve(context, { orderRef: ref, lines }),
    close: () => client.close(),
  };
}
