/**
 * Pages: what the shop answers, whichever twin answers it.
 *
 * What may be degraded, and what not:
 *   product           no; its description may be the last known one (`Degraded: product=cached`)
 *   price             the last known one will do (`Degraded: price=cached`); a page without a price is no product page
 *   recommendations   the last known ones, or none (`Degraded: recommendations=cached`, `recommendations=off`)
 *   checkout          the order is accepted and paid later: 202 (`Degraded: checkout=deferred`)
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { Price, Product } from './goods.ts';

/** The answer to one request. */
export interface Answer {
  readonly status: number;
  readonly body: ProductPage | OrderNote;
  /** Parts that are not what they should be: `price=cached`. Empty for an answer in full. */
  readonly degraded: readonly string[];
}

/** A page with everything a shopper needs to decide. */
interface ProductPage {
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
