/**
 * Goods: what the shop sells, and the shapes in which services and pages speak of it.
 *
 * @module
 */

/** A thing on sale. */
export interface Product {
  readonly id: string;
  readonly title: string;
}

/** What a product costs. */
export interface Price {
  readonly amountCents: number;
  readonly currency: 'EUR';
}

/** One product in one order. */
export interface Order {
  /** Made by the shop; the payment service takes the money at most once per id. */
  readonly id: string;
  readonly productId: string;
}

/** The payment service has taken the money. */
export interface Receipt {
  readonly orderId: string;
  readonly paid: true;
}

/** Everything on sale. */
export const assortment: readonly Product[] = Object.freeze(
  ['Kettle', 'Lamp', 'Chair', 'Teapot', 'Rug', 'Clock', 'Vase', 'Stool'].flatMap((noun, row) =>
    ['Oak', 'Slate', 'Copper'].map((look, column) => ({ id: `p${row * 3 + column + 1}`, title: `${look} ${noun}` })),
  ),
);

/** What anybody may like: the recommendations of a shop that knows nothing better. */
export const bestsellers: readonly string[] = Object.freeze(['p1', 'p4', 'p7']);
