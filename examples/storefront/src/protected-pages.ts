/**
 * Protected pages: the same pages as the twin's, each call through its guard, and each part with something to stand in.
 *
 * Each part is a ladder: it runs the function of the mode that is in force for the shopper, and goes down when that fails. So a
 * part is degraded because an operator or the brownout level says so, or because its guard came back with an error; the context
 * notes which.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import type { Context } from '@holdfast/core';
import type { Degradation } from '@holdfast/degradation';

import type { DeferredOrders } from './deferred-orders.ts';
import type { Dependencies } from './dependencies.ts';
import type { ShopModes } from './features.ts';
import { type Order, type Price, type Product, bestsellers } from './goods.ts';
import { type Guards, isDependencyGone } from './guards.ts';
import { type LastKnown, lastKnown } from './last-known.ts';
import { type Answer, type Pages, type ProductPage, UnavailableError } from './pages.ts';
import { costsMs } from './renderer.ts';
import { type Rendering, isRenderingFull } from './rendering.ts';

/** What the protected pages are made of. */
export interface ProtectedParts {
  readonly dependencies: Dependencies;
  readonly guards: Guards;
  readonly degradation: Degradation<ShopModes>;
  readonly orders: DeferredOrders;
  readonly rendering: Rendering;
}

/** Creates the pages of the shop under Holdfast. */
export function protectedPages(parts: ProtectedParts): Pages {
  const page = pageMaker(parts);
  const checkout = cashier(parts);
  return {
    product: async (id, context) => ({ status: 200, body: await page(context, id) }),
    checkout: (productId, context) => checkout(context, { id: randomUUID(), productId }),
  };
}

// --- internal ---

/** Calls of one part that may be below its mode at once: what stands in costs nothing. */
const ladder = { maxFallenCalls: 1000, fallsOn: isDependencyGone };

type Source<T> = (context: Context, id: string) => Promise<T>;

function pageMaker(parts: ProtectedParts): Source<ProductPage> {
  const [product, price, recommend] = [describer(parts), pricer(parts), recommender(parts)];
  const look = insights(parts);
  const known = lastKnown<ProductPage>();
  const full = async (context: Context, _params: unknown, id: string): Promise<ProductPage> => {
    look(context, id);
    const others = Promise.all([price(context, id), recommend(context, id)]);
    others.catch(() => {}); // a product that does not exist is that, whatever else fails
    const described = await product(context, id);
    const [priced, ranked] = await others;
    await parts.rendering.render(costsMs.page + (ranked.isFresh ? costsMs.ranking : 0), context);
    return known.remember(id, { product: described, price: priced, recommendations: ranked.ids });
  };
  return parts.degradation.ladder(
    'page',
    { full, static: (_context: Context, _params: unknown, id: string) => standIn(known, 'page', id) },
    { ...ladder, fallsOn: isRenderingFull },
  );
}

function describer({ dependencies, guards, degradation }: ProtectedParts): Source<Product> {
  const known = lastKnown<Product>();
  const full = async (context: Context, _params: unknown, id: string): Promise<Product> =>
    known.remember(id, await guards.product.chain.execute((own) => dependencies.product(id, own), context));
  const cached = (_context: Context, _params: unknown, id: string): Product => standIn(known, 'product', id);
  return degradation.ladder('product', { full, cached }, ladder);
}

function pricer({ dependencies, guards, degradation }: ProtectedParts): Source<Price> {
  const known = lastKnown<Price>();
  const full = async (context: Context, _params: unknown, id: string): Promise<Price> =>
    known.remember(id, await guards.price.chain.execute((own) => dependencies.price(id, own), context));
  const cached = (_context: Context, _params: unknown, id: string): Price => standIn(known, 'price', id);
  return degradation.ladder('price', { full, cached }, ladder);
}

/** Recommendations, and whether they must be ranked for the shopper. */
interface Ranked {
  readonly ids: readonly string[];
  readonly isFresh: boolean;
}

function recommender({ dependencies, guards, degradation }: ProtectedParts): Source<Ranked> {
  const known = lastKnown<readonly string[]>();
  const full = async (context: Context, _params: unknown, id: string): Promise<Ranked> => {
    const ids = await guards.recommendations.chain.execute((own) => dependencies.recommendations(id, own), context);
    return { ids: known.remember(id, ids), isFresh: true };
  };
  const cached = (_context: Context, _params: unknown, id: string): Ranked => ({
    ids: known.get(id) ?? bestsellers,
    isFresh: false,
  });
  return degradation.ladder(
    'recommendations',
    { full, cached, off: (): Ranked => ({ ids: [], isFresh: false }) },
    ladder,
  );
}

/** Counts what shoppers look at, for the merchandisers. The first thing to go, and nobody outside hears of it. */
function insights({ degradation }: ProtectedParts): (context: Context, id: string) => void {
  const looks = new Map<string, number>();
  const feature = degradation.handle('insights');
  return (context, id) =>
    feature.match({ on: () => void looks.set(id, (looks.get(id) ?? 0) + 1), off: () => {} }, context);
}

/** Checkout is essential and writes: no ladder, but one step that is safe, since an order's id makes it one payment. */
function cashier({ dependencies, guards, degradation, orders }: ProtectedParts) {
  const defer = async (context: Context, order: Order): Promise<Answer> => {
    await orders.defer(order, context);
    return { status: 202, body: { orderId: order.id, paid: false } };
  };
  return degradation.feature('checkout', {
    full: async (context: Context, order: Order): Promise<Answer> => {
      try {
        await guards.payment.chain.execute((own) => dependencies.pay(order, own), context);
        return { status: 200, body: { orderId: order.id, paid: true } };
      } catch (error) {
        if (!isDependencyGone(error)) throw error;
        return { ...(await defer(context, order)), isDeferredByFailure: true };
      }
    },
    deferred: (context: Context, order: Order) => defer(context, order),
  });
}

function standIn<T>(known: LastKnown<T>, part: string, id: string): T {
  const value = known.get(id);
  if (value === undefined) throw new UnavailableError(`no ${part} is known for this product`);
  return value;
}
