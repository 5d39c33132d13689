/**
 * Features: what the shop may do in a lesser way, who decides about it, what each brownout level means for it, and which of
 * it shoppers may hear of.
 *
 * @module
 */

import { type Catalogue, defineFeatures } from '@holdfast/degradation';

/** The modes of each feature, best first. */
export interface ShopModes extends Readonly<Record<string, string>> {
  readonly insights: 'on' | 'off';
  readonly recommendations: 'full' | 'cached' | 'off';
  readonly price: 'full' | 'cached';
  readonly product: 'full' | 'cached';
  readonly page: 'full' | 'static';
  readonly checkout: 'full' | 'deferred';
}

/** The features of the shop. */
export const features: Catalogue<ShopModes> = defineFeatures({
  insights: { modes: ['on', 'off'], owner: 'merchandising', onLevel: { 1: 'off' } }, // nobody's business outside
  recommendations: {
    modes: ['full', 'cached', 'off'],
    owner: 'growth',
    notice: 'Recommendations may be out of date.',
    isPublic: true,
    onLevel: { 1: 'cached', 3: 'off' },
  },
  price: {
    modes: ['full', 'cached'],
    owner: 'catalogue',
    notice: 'Prices are checked again when you pay.',
    isPublic: true,
    onLevel: { 2: 'cached' },
  },
  product: { modes: ['full', 'cached'], owner: 'catalogue', isPublic: true },
  page: {
    modes: ['full', 'static'],
    owner: 'shop',
    notice: 'You see this page as it was a while ago.',
    isPublic: true,
    essential: true,
    onLevel: { 4: 'static' },
  },
  checkout: {
    modes: ['full', 'deferred'],
    owner: 'payments',
    notice: 'Your order is accepted; we take the money later.',
    isPublic: true,
    essential: true,
    onLevel: { 4: 'deferred' },
  },
});
