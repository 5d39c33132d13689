/**
 * Features: what the shop may do in a lesser way, and who decides about it.
 *
 * @module
 */

import { type Catalogue, defineFeatures } from '@holdfast/degradation';

/** The modes of each feature, best first. */
export interface ShopModes extends Readonly<Record<string, string>> {
  readonly recommendations: 'full' | 'cached' | 'off';
  readonly price: 'full' | 'cached';
  readonly checkout: 'full' | 'deferred';
}

/** The features of the shop. */
export const features: Catalogue<ShopModes> = defineFeatures({
  recommendations: {
    modes: ['full', 'cached', 'off'],
    owner: 'growth',
    notice: 'Recommendations may be out of date.',
  },
  price: { modes: ['full', 'cached'], owner: 'catalogue', notice: 'Prices are checked again when you pay.' },
  checkout: {
    modes: ['full', 'deferred'],
    owner: 'payments',
    notice: 'Your order is accepted; we take the money later.',
    essential: true,
  },
});
