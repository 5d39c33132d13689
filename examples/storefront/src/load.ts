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
  /** Returns how many shoppers arrive per second now, on average; each visits both twins. */
  readonly shoppersPerSecond: () => number;
  readonly random: () => number;
  /** Where the twins listen. */
  readonly urls: Readonly<Record<Twin, string>>;
  /** Returns what a visit that begins now meets. */
  readonly circumstances: () => Circumstances;
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
      const circumstances = options.circumstances();
      for (const twin of twins) shoppers[twin].visit(errand, circumstances); // (1)
      dueAt += (-Math.log(1 - options.random()) * 1000) / options.shoppersPerSecond();
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

type Circumstances = Pick<Visit, 'duringFaults' | 'duringRush'>;

interface ErrandPlan {
  readonly errand: Errand;
  readonly productId: string;
  /** Who goes, by a name that stays the same. */
  readonly shopper: string;
}

const CHECKOUT_RATIO = 0.15;
const MAX_IN_FLIGHT = 1000;
const REGULARS = 500;

function drawErrand(random: () => number): ErrandPlan {
  const errand = random() < CHECKOUT_RATIO ? 'checkout' : 'page';
  const product = assortment[Math.floor(random() ** 2 * assortment.length)]; // a few goods are popular
  const shopper = `s${Math.floor(random() * REGULARS)}`;
  return { errand, productId: product?.id ?? 'p1', shopper };
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

  visit(plan: ErrandPlan, circumstances: Circumstances): void {
    if (this.#underWay.size >= MAX_IN_FLIGHT) {
      this.#onVisit({ ...this.#ended(plan, 'broken', {}), ...circumstances }); // (3)
      return;
    }
    const visit: Promise<void> = this.#send(plan)
      .then((ended) => this.#onVisit({ ...ended, ...circumstances }))
      .finally(() => this.#underWay.delete(visit));
    this.#underWay.add(visit);
  }

  async leave(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#agent.destroy();
  }

  async #send(plan: ErrandPlan): Promise<Omit<Visit, keyof Circumstances>> {
    const startedAt = performance.now();
    const patience = AbortSignal.timeout(PATIENCE_MS);
    try {
      const { statusCode, headers, body } = await request(this.#url + pathOf(plan), {
        dispatcher: this.#agent,
        signal: patience,
        ...orderOf(plan),
      });
      await body.dump();
      const degraded = String(headers['degraded'] ?? '');
      const tookMs = performance.now() - startedAt;
      return this.#ended(plan, resultOf(statusCode, degraded !== ''), { status: statusCode, tookMs, degraded });
    } catch {
      const result = patience.aborted ? 'late' : 'broken';
      return this.#ended(plan, result, { tookMs: performance.now() - startedAt });
    }
  }

  #ended({ errand }: ErrandPlan, result: Result, { status, tookMs = 0, degraded = '' }: Ending) {
    return { twin: this.#twin, errand, result, status, tookMs, strangeNames: strangeNamesIn(degraded) };
  }
}

interface Ending {
  readonly status?: number;
  readonly tookMs?: number;
  /** The `Degraded` header. */
  readonly degraded?: string;
}

function orderOf({ errand, productId, shopper }: ErrandPlan) {
  if (errand === 'page') return { headers: { 'x-shopper': shopper } };
  const headers = { 'x-shopper': shopper, 'content-type': 'application/json' };
  return { method: 'POST' as const, headers, body: JSON.stringify({ productId }) };
}

/** What outsiders may hear of. Written down here once more: shoppers do not read the catalogue. */
const publicNames: ReadonlySet<string> = new Set(['recommendations', 'price', 'product', 'page', 'checkout']);

/** Names in a `Degraded` header, a dictionary of RFC 9651, that should not be there. */
function strangeNamesIn(header: string): number {
  const names = header.split(',').map((member) => member.trim().split(/[=;]/)[0] ?? '');
  return names.filter((name) => name !== '' && !publicNames.has(name)).length;
}

function pathOf({ errand, productId }: ErrandPlan): string {
  return errand === 'page' ? `/products/${productId}` : '/checkout';
}

function resultOf(status: number, isDegraded: boolean): Result {
  if (status !== 200 && status !== 202) return 'error';
  return isDegraded ? 'degraded' : 'full';
}
