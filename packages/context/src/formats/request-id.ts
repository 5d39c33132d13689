/**
 * Request id: the name of a request in logs, as `x-request-id` carries it.
 *
 * @module
 */

import { type ContextKey, contextKey } from '@holdfast/core';

/** Where a context holds the id of its request. */
export const requestId: ContextKey<string> = contextKey<string>('request-id');

/** Whether `value` may be an id: 1 to 128 letters, digits and `._:@/+=-`, so that it is safe in logs and headers. */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.:@/+=-]{1,128}$/.test(value);
}
