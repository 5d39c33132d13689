/**
 * HTTP under a deadline: what its servers and clients share. Each framework and client has a subpath of its own.
 *
 * @module
 */

// Codec
export { type HttpCodecOptions, createHttpCodec, httpCodecDefaults } from './codec.ts';

// Servers
export { type RequestContexts, type StoppingComponent, createRequestContexts } from './server/request-contexts.ts';
export { type DegradedSource, type RequestContextsOptions, requestContextsDefaults } from './server/settings.ts';
export { type RequestLike, contextOf, extendContext, hasContext } from './server/request-store.ts';
export { checkedContextOf } from './server/chain.ts';
export { type AnswerProblem, type RequestLife } from './server/request-life.ts';
export { type RequestEnding, type RequestOutcome } from './server/request-ending.ts';
export type { RequestCounts } from './server/running.ts';
export { type IncomingRequest, type OutgoingResponse } from './server/http-message.ts';
export { type UpgradeSocket } from './server/socket-response.ts';

// Problems
export { type HttpProblem, type ProblemRules, problemOf, retryAfterSeconds } from './problem.ts';
export { type ProblemAnswer, type ProblemsOf } from './problem-answer.ts';
export { type ProblemKind, problemKinds } from './problem-table.ts';
export { upstreamProblem } from './upstream-problem.ts';

// Streams
export {
  type EventParts,
  type EventStreamOptions,
  type ServerSentEvent,
  eventStreamHeaders,
  sendEvents,
  sendStream,
} from './server/send-stream.ts';
export { type EventsResponseOptions, eventsResponse } from './server/events-response.ts';
export {
  type StreamEnd,
  type StreamEnding,
  type StreamOptions,
  type StreamSource,
  streamDefaults,
} from './server/stream-flow.ts';

// Errors of servers
export {
  ClientGoneError,
  MissingRequestContextError,
  ServerClosingError,
  ServerDrainingError,
  StreamIdleError,
  StreamTotalError,
  isClientGone,
  isServerClosing,
} from './server/request-error.ts';

// Policies for clients
export {
  type BreakerPerOriginOptions,
  type HttpPoliciesOptions,
  breakerPerOrigin,
  httpHedge,
  httpPolicies,
  httpPoliciesDefaults,
  httpRetry,
  onlyRepeatable,
} from './client/http-policies.ts';
export { classifyHttp, classifyHttpForRetry, httpRetryAfterMs } from './client/http-verdict.ts';
export { type HttpFailure, httpErrorFailures, httpStatusFailures } from './client/http-failures.ts';
export { type HttpRequest, httpOriginOf, httpRequestOf } from './client/http-request.ts';
export { type PropagationOptions } from './client/propagation.ts';
export { type TakeLatestOptions, takeLatest, takeLatestDefaults } from './client/take-latest.ts';

// Errors of clients
export { NotEnoughTimeError, RedirectError, RequestNotRepeatableError } from './client/http-client-error.ts';
