/**
 * Inventory: the service that knows what there is. It speaks gRPC, and keeps its stock in PostgreSQL.
 *
 * @module
 */

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { bulkhead, createRegistry } from '@holdfast/core';
import { createGrpcServing, grpcError, type GrpcStatusError } from '@holdfast/grpc';
import { createLifecycle } from '@holdfast/service';
import { CommitOutcomeUnknownError, isDatabaseUnavailable } from '@holdfast/sql';

import { type TellHop, asHop } from '../contract/hop.ts';
import { type ReserveRequest, inventoryService } from '../contract/inventory-contract.ts';
import { grpcCodec } from '../contract/order-context.ts';
import { openDatabase } from '../service/database.ts';
import { createProbes } from '../service/probes.ts';
import { type Service, type ServicePorts, nothing, stopping } from '../service/service.ts';
import { type Stock, createStock } from './stock.ts';

/** What the inventory must know. */
export interface InventoryPlan {
  /** `postgres://user@host:5432/database` */
  readonly databaseUrl: string;
  /** `127.0.0.1:50051`; port 0 takes a free one. */
  readonly address?: string;
}

/** Calls that may be in the database at once: as many as there are connections, for none is to wait for one of them. */
const MAX_AT_ONCE = 20;

/** Creates the inventory. */
export async function createInventory(plan: InventoryPlan, { process, tellHop }: ServicePorts): Promise<Service> {
  const registry = createRegistry();
  const life = createLifecycle({ name: 'inventory', ...stopping, ...(process && { process }) });
  const database = openDatabase({ url: plan.databaseUrl, name: 'inventory', maxConnections: MAX_AT_ONCE });
  const stock = createStock(database.sql, tellHop);
  const { serving, server } = serve(stock, {
    policy: registry.create(bulkhead, { name: 'stock', maxConcurrent: MAX_AT_ONCE, maxQueued: 100 }),
    tell: tellHop,
  });

  const checks = { database: { check: database.check } };
  const counting = { grpcServers: { inventory: serving }, sqlPools: { stock: database.sql } };
  const probes = createProbes({ life, registry, checks, counting });
  for (const component of probes.components) life.add(component);
  const address = plan.address ?? '127.0.0.1:0';
  const grpc = serving.component(server, { address, credentials: ServerCredentials.createInsecure() });
  life.add(database.component).add(grpc);
  return {
    name: 'inventory',
    life,
    port: () => grpc.port,
    probesPort: probes.port,
    read: () => ({ ...nothing, open: serving.snapshot().open, checkedOut: database.sql.counts().checkedOut }),
  };
}

// --- internal ---

interface ServingParts {
  readonly policy: ReturnType<typeof bulkhead>;
  readonly tell: TellHop;
}

/** The service on a server of grpc-js, which listens nowhere yet. */
function serve(stock: Stock, { policy, tell }: ServingParts) {
  const serving = createGrpcServing({
    codec: grpcCodec,
    defaultTimeoutMs: 2000,
    maxTimeoutMs: 10_000,
    policy,
    errors: mayComeAgain,
  });
  const server = new Server({ interceptors: [serving.interceptor] });
  server.addService(inventoryService, {
    reserve: serving.handleUnary((context, request: ReserveRequest) =>
      asHop({ layer: 'inventory', orderRef: request.orderRef, tell }, context, () => stock.reserve(context, request)),
    ),
  });
  return { serving, server };
}

/**
 * A database that is not there is "later", not a failure that nobody knows anything of. Also where the answer to COMMIT is missing:
 * an order that comes again has its reference, and takes nothing twice.
 */
function mayComeAgain(error: unknown): GrpcStatusError | undefined {
  if (!isDatabaseUnavailable(error) && !(error instanceof CommitOutcomeUnknownError)) return undefined;
  return grpcError('UNAVAILABLE', 'the stock cannot be reached', { retryAfterMs: 500 });
}
