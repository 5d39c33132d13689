/**
 * Inventory contract: `inventory.proto` as types, for the service and for those who call it.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';

import {
  type Client,
  type ClientUnaryCall,
  type ServiceClientConstructor,
  type ServiceDefinition,
  credentials,
  loadPackageDefinition,
  type requestCallback,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import type { OrderLine } from './order.ts';

/** What is to be put aside, and for which order. */
export interface ReserveRequest {
  readonly orderRef: string;
  readonly lines: readonly OrderLine[];
}

/** The stock-keeping units that were put aside, and those that there was not enough of. */
export interface ReserveReply {
  readonly reserved: readonly string[];
  readonly missing: readonly string[];
}

/** A client, as a generator would write it. */
export interface InventoryClient extends Client {
  reserve(request: ReserveRequest, callback: requestCallback<ReserveReply>): ClientUnaryCall;
}

/** Opens a client of the service at `address`, `127.0.0.1:50051`. Whoever opens it closes it. */
export function openInventoryClient(address: string): InventoryClient {
  return new Inventory(address, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 100, // a service that is back is found again at once
    'grpc.max_reconnect_backoff_ms': 500,
  }) as unknown as InventoryClient;
}

const file = fileURLToPath(new URL('inventory.proto', import.meta.url));
const proto = loadPackageDefinition(loadSync(file, { defaults: true, arrays: true }));
const { Inventory } = proto['inventory'] as unknown as { readonly Inventory: ServiceClientConstructor };

/** The definition of the service, for a server. */
export const inventoryService: ServiceDefinition = Inventory.service;
