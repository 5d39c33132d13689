/**
 * Protected pages: the same pages as the twin's, each call through its guard, and each part with something to stand in.
 *
 * A part is degraded for one of two reasons: its guard came back with nothing, or an operator switched its feature.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import type { Context } from '@holdfast/core';
import type { Degradation } from '@holdfast/degradation';

import type { Dependencies } from './dependencies.ts';
import type { ShopModes } from './features.ts';
import { type Order, type Price, type Product, bestsellers } from './goods.ts';
import type { Guards } from './guards.ts';
import { lastKnown } from './last-known.ts';
import type { Outbox } from './outbox.ts';
import { type Answer, type Pages, UnavailableError } from './pages.ts';

/** What the protected pages are made of. */
export interface ProtectedParts {
  readonly dependencies: Dependencies;
  readonly guards: Guards;
  readonly degradation: Degradation<ShopModes>;
  readonly outbox: Outbox;
}

/** Creates the pages of the shop under Holdfast. */
export function protectedPages(parts: ProtectedParts): Pages {
  const product = describer(parts);
  const price = pricer(parts);
  const recommend = recommender(parts);
  const checkout = cashier(parts);
  return {
    async product(id, context) {
      const [described, priced, recommended] = await Promise.all([
        product(context, id),
        price(context, id),
        recommend(context, id),
      ]);
      const body = { product: described.value, price: priced.value, recommendations: recommended.value };
      const degraded = [
        ...noteOf('product', described),
        ...noteOf('price', priced),
        ...noteOf('recommendations', recommended),
      ];
      return { status: 200, body, degraded };
    },
    checkout: (productId, context) => checkout(context, { id: randomUUID(), productId }),
  };
}

// --- internal ---

/** A part of a page, and how it came about. */
interface Part<T> {
  readonly value: T;
  readonly mode: 'full' | 'cached' | 'off';
}

type Source<T> = (context: Context, id: string) => Promise<Part<T>>;

function describer({ dependencies, guards }: ProtectedParts): Source<Product> {
  const known = lastKnown<Product>();
  return async (context, id) => {
    const fresh = await guards.product.chain.execute((own) => dependencies.product(id, own), context);
    if (fresh !== undefined) return { value: known.remember(id, fresh), mode: 'full' };
    return cached('product', known.get(id));
  };
}

function pricer({ dependencies, guards, degradation }: ProtectedParts): Source<Price> {
  const known = lastKnown<Price>();
  return degradation.feature('price', {
    full: async (context: Context, id: string): Promise<Part<Price>> => {
      const fresh = await guards.price.chain.execute((own) => dependencies.price(id, own), context);
      if (fresh !== undefined) return { value: known.remember(id, fresh), mode: 'full' };
      return cached('price', known.get(id));
    },
    cached: (_context: Context, id: string): Part<Price> => cached('price', known.get(id)),
  });
}

function recommender({ dependencies, guards, degradation }: ProtectedParts): Source<readonly string[]> {
  const known = lastKnown<readonly string[]>();
  const remembered = (id: string): Part<readonly string[]> => ({ value: known.get(id) ?? bestsellers, mode: 'cached' });
  return degradation.feature('recommendations', {
    full: async (context: Context, id: string): Promise<Part<readonly string[]>> => {
      const fresh = await guards.recommendations.chain.execute((own) => dependencies.recommendations(id, own), context);
      return fresh === undefined ? remembered(id) : { value: known.remember(id, fresh), mode: 'full' };
    },
    cached: (_context: Context, id: string) => remembered(id),
    off: (): Part<readonly string[]> => ({ value: [], mode: 'off' }),
  });
}

function cashier({ dependencies, guards, degradation, outbox }: ProtectedParts) {
  const defer = (order: Order): Answer => {
    if (!outbox.add(order)) throw new UnavailableError('too many orders wait for payment');
    return { status: 202, body: { orderId: order.id, paid: false }, degraded: ['checkout=deferred'] };
  };
  return degradation.feature('checkout', {
    full: async (context: Context, order: Order): Promise<Answer> => {
      const receipt = await guards.payment.chain.execute((own) => dependencies.pay(order, own), context);
      if (receipt === undefined) return defer(order);
      return { status: 200, body: { orderId: order.id, paid: true }, degraded: [] };
    },
    deferred: (_context: Context, order: Order) => defer(order),
  });
}

function cached<T>(part: string, value: T | undefined): Part<T> {
  if (value === undefined) throw new UnavailableError(`no ${part} is known for this product`);
  return { value, mode: 'cached' };
}

function noteOf(part: string, { mode }: Part<unknown>): string[] {
  return mode === 'full' ? [] : [`${part}=${mode}`];
}
