/**
 * gRPC under a deadline: contexts, metadata and policies on both sides of grpc-js.
 *
 * @module
 */

// Clients
export {
  createGrpcClient,
  type GrpcClientMethod,
  type GrpcClientOptions,
  type GrpcFunction,
  type GrpcFunctions,
  type GrpcResponse,
} from './grpc-client.ts';
export { type GrpcCallOptions, type GrpcMethod, type GrpcSource } from './grpc-call.ts';
export { type PolicyChoice } from './call-policy.ts';
export { type GrpcErrorsOf } from './chosen-error.ts';
export { clientInterceptor, type ClientInterceptorOptions, withCallContext } from './client-interceptor.ts';
export { outgoingDefaults, type OutgoingOptions } from './outgoing.ts';

// Servers
export type { AbandonedRun, DrainReport, FinishedRuns } from '@holdfast/core';
export {
  createGrpcServing,
  type GrpcServing,
  grpcServingDefaults,
  type GrpcServingOptions,
  type GrpcServingSnapshot,
} from './serving.ts';
export { type GrpcHandlers } from './handlers.ts';
export { contextOf, type HandledCall } from './call-context.ts';
export { type GrpcComponent, grpcComponentDefaults, type GrpcComponentOptions } from './server-component.ts';

// Metadata
export { grpcMetadataOf, type GrpcMetadataValue, type MetadataNames, withGrpcMetadata } from './call-metadata.ts';

// Statuses and errors
export {
  classifyGrpc,
  grpcError,
  GrpcStatusError,
  type GrpcStatusParts,
  grpcStatusOf,
  isGrpcStatusError,
  isRetryableGrpc,
} from './grpc-error.ts';
export { type GrpcStatusName, type GrpcStatusRow, grpcStatusTable } from './status-table.ts';
