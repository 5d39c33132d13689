/**
 * Chain: whether the context of a request has come through unbroken to here.
 *
 * @module
 */

import { ambient } from '@holdfast/context';
import type { Context } from '@holdfast/core';

import { MissingRequestContextError } from './request-error.ts';
import { contextOf, type RequestLike, requestMark } from './request-store.ts';

/** Calls `next` where {@link checkedContextOf} finds a context, and with its error where not. */
export function passChecked(request: RequestLike, next: (error?: Error) => void): void {
  try {
    checkedContextOf(request);
  } catch (error) {
    return next(error as Error);
  }
  next();
}

/**
 * Returns the context of `request`, checked: that there is one, and that the ambient context, where there is one, is of the same
 * request.
 *
 * @throws MissingRequestContextError where that is not so.
 */
export function checkedContextOf(request: RequestLike): Context {
  const context = contextOf(request);
  const around = ambient.current();
  if (around !== undefined && around.value(requestMark) !== context.value(requestMark))
    throw new MissingRequestContextError('the ambient context is that of something else; a callback was not bound');
  return context;
}
