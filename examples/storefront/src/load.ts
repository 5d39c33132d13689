/**
 * Load: shoppers who arrive at random, whether or not the shop keeps up, and visit both twins at the same moment.
 *
 * Invariants
 *  (1) Arrivals are open-loop: a slow answer delays nobody who comes after.
 *  (2) Both twins get the same visits at the same time.
 *  (3) At most `MAX_IN_FLIGHT` visits per twin are under way; a visit beyond that is not made and counts as broken.
 *
 * @module
 */

import { Agent, request } from 'undici';

import { assortment } from './goods.ts';
import { type Errand, type Result, type Twin, type Visit, twins } from './visits.ts';

/** What {@link startLoad} needs. */
export interface LoadOptions {
  /** Shoppers who arrive per second, on average; each visits both twins. */
  readonly shoppersPerSecond: number;
  readonly random: () => number;
  /** Where the twins listen. */
  readonly urls: Readonly<Record<Twin, string>>;
  /** Whether something is broken downstream at this moment. */
  readonly hasFaults: () => boolean;
  /** Receives each visit when it has ended. */
  readonly onVisit: (visit: Visit) => void;
}

/** A running load. */
export interface Load {
  /** Lets no more shoppers in, and waits for those under way, at most their patience. */
  stop(): Promise<void>;
}

/** Time after which a shopper gives up. Milliseconds. */
export const PATIENCE_MS = 1000;

/** Lets shoppers in until it is stopped. */
export function startLoad(options: LoadOptions): Load {
  const shoppers = { protected: new Shopper('protected', options), unprotected: new Shopper('unprotected', options) };
  let dueAt = performance.now();
  let timer: NodeJS.Timeout;
  const letIn = (): void => {
    const now = performance.now();
    while (dueAt <= now) {
      const errand = drawErrand(options.random); // (2)
      const duringFaults = options.hasFaults();
      for (const twin of twins) shoppers[twin].visit(errand, duringFaults); // (1)
      dueAt += (-Math.log(1 - options.random()) * 1000) / options.shoppersPerSecond;
    }
    timer = setTimeout(letIn, dueAt - now);
  };
  letIn();
  return {
    async stop() {
      clearTimeout(timer);
      await Promise.all(twins.map((twin) => shoppers[twin].leave()));
    },
  };
}

// --- internal ---

interface ErrandPlan {
  readonly errand: Errand;
  readonly productId: string;
}

const CHECKOUT_RATIO = 0.15;
const MAX_IN_FLIGHT = 1000;

function drawErrand(random: () => number): ErrandPlan {
  const errand = random() < CHECKOUT_RATIO ? 'checkout' : 'page';
  const product = assortment[Math.floor(random() ** 2 * assortment.length)]; // a few goods are popular
  return { errand, productId: product?.id ?? 'p1' };
}

/** All shoppers of one twin, with connections of their own. */
class Shopper {
  readonly #twin: Twin;
  readonly #url: string;
  readonly #onVisit: (visit: Visit) => void;
  readonly #agent = new Agent({ connections: MAX_IN_FLIGHT });
  readonly #underWay = new Set<Promise<void>>();

  constructor(twin: Twin, { urls, onVisit }: LoadOptions) {
    this.#twin = twin;
    this.#url = urls[twin];
    this.#onVisit = onVisit;
  }

  visit(plan: ErrandPlan, duringFaults: boolean): void {
    if (this.#underWay.size >= MAX_IN_FLIGHT) {
      this.#onVisit({ ...this.#ended(plan, 'broken', undefined, 0), duringFaults }); // (3)
      return;
    }
    const visit: Promise<void> = this.#send(plan)
      .then((ended) => this.#onVisit({ ...ended, duringFaults }))
      .finally(() => this.#underWay.delete(visit));
    this.#underWay.add(visit);
  }

  async leave(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#agent.destroy();
  }

  async #send(plan: ErrandPlan): Promise<Omit<Visit, 'duringFaults'>> {
    const startedAt = performance.now();
    const patience = AbortSignal.timeout(PATIENCE_MS);
    try {
      const { statusCode, headers, body } = await request(this.#url + pathOf(plan), {
        dispatcher: this.#agent,
        signal: patience,
        ...(plan.errand === 'checkout' && {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ productId: plan.productId }),
        }),
      });
      await body.dump();
      const result = resultOf(statusCode, headers['degraded'] !== undefined);
      return this.#ended(plan, result, statusCode, performance.now() - startedAt);
    } catch {
      const result = patience.aborted ? 'late' : 'broken';
      return this.#ended(plan, result, undefined, performance.now() - startedAt);
    }
  }

  #ended({ errand }: ErrandPlan, result: Result, status: number | undefined, tookMs: number) {
    return { twin: this.#twin, errand, result, status, tookMs };
  }
}

function pathOf({ errand, productId }: ErrandPlan): string {
  return errand === 'page' ? `/products/${productId}` : '/checkout';
}

function resultOf(status: number, isDegraded: boolean): Result {
  if (status !== 200 && status !== 202) return 'error';
  return isDegraded ? 'degraded' : 'full';
}
