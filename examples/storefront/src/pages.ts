/**
 * Pages: what the shop answers, whichever twin answers it.
 *
 * What may be degraded, and what not:
 *   page              rendered anew, or as it was when it was last rendered (`Degraded: page=static`)
 *   product           no; its description may be the last known one (`Degraded: product=cached`)
 *   price             the last known one will do (`Degraded: price=cached`); a page without a price is no product page
 *   recommendations   the last known ones, or none (`Degraded: recommendations=cached`, `recommendations=off`)
 *   checkout          the order is accepted and paid later: 202 (`Degraded: checkout=deferred`)
 *
 * What was read under the context of a request is noted there; the shop makes the header of it.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { Price, Product } from './goods.ts';

/** The answer to one request. */
export interface Answer {
  readonly status: number;
  readonly body: ProductPage | OrderNote;
  /** Whether an order is deferred because its payment failed, and not because a mode says so. */
  readonly isDeferredByFailure?: boolean;
}

/** A page with everything a shopper needs to decide. */
export interface ProductPage {
  readonly product: Product;
  readonly price: Price;
  readonly recommendations: readonly string[];
}

/** What becomes of an order. */
interface OrderNote {
  readonly orderId: string;
  readonly paid: boolean;
}

/** The two requests that a shop answers. */
export interface Pages {
  product(id: string, context: Context): Promise<Answer>;
  checkout(productId: string, context: Context): Promise<Answer>;
}

/** There is nothing to answer with, not even something old. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}
