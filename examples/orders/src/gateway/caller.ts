/**
 * Caller: who asks, found out at the edge and nowhere else. From here on it is in the context, and no service asks again.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { region, userId } from '../contract/order-context.ts';

/** What is read of a request. */
export interface CallerHeaders {
  readonly authorization?: string | undefined;
}

/**
 * Returns the context with the caller in it; undefined where nobody is known. The token is the name and the region, `ada.eu`,
 * which a real gateway would find in a token that it has checked.
 */
export function withCaller(context: Context, { authorization = '' }: CallerHeaders): Context | undefined {
  const [, user, where] = /^Bearer ([a-z]\w{0,30})\.(eu|us)$/.exec(authorization) ?? [];
  if (user === undefined || (where !== 'eu' && where !== 'us')) return undefined;
  return context.withValue(userId, user).withValue(region, where);
}
