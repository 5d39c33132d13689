/**
 * Unprotected pages: the twin without Holdfast, as such code is written when everything is well. It asks, waits as long as
 * it takes, and fails when anything fails.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import type { Dependencies } from './dependencies.ts';
import type { Pages } from './pages.ts';
import { type Renderer, costsMs } from './renderer.ts';

/** Creates the pages of the twin. */
export function unprotectedPages(dependencies: Dependencies, renderer: Renderer): Pages {
  return {
    async product(id) {
      const [product, price, recommendations] = await Promise.all([
        dependencies.product(id),
        dependencies.price(id),
        dependencies.recommendations(id),
      ]);
      await renderer.render(costsMs.page + costsMs.ranking);
      return { status: 200, body: { product, price, recommendations } };
    },
    async checkout(productId) {
      const { orderId, paid } = await dependencies.pay({ id: randomUUID(), productId });
      return { status: 200, body: { orderId, paid } };
    },
  };
}
