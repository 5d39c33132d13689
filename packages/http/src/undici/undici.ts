/**
 * undici under a context: an interceptor for its dispatchers, and a `request` that goes through policies.
 *
 * @module
 */

export {
  type ContextInterceptorOptions,
  contextInterceptor,
  contextInterceptorDefaults,
  underContext,
} from './context-interceptor.ts';
export type { UndiciDispatch, UndiciInterceptor } from './undici-client.ts';
export {
  type ContextRequest,
  type CreateRequestOptions,
  type RequestDispatcher,
  type UndiciRequest,
  createRequest,
  createRequestDefaults,
} from './undici-request.ts';
