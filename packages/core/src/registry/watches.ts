/**
 * Watches: who hears which policies a registry has.
 *
 *   added, removed ─► news ─► told to all who watched when it happened, one after the other
 *                      ▲                      └── a watch adds or removes ──┐
 *                      └─────────────────── told after that ────────────────┘
 *
 * Invariants
 *  (1) A watch hears of every coming and going once, in their order, also of those that watches bring about.
 *  (2) A watch that throws keeps no other from hearing. One that has ended hears nothing more.
 *
 * @module
 */

import { callHook } from '../kernel/hooks.ts';
import type { NamedPolicy } from '../kernel/policy.ts';

/** Hears which policies a registry has. Called at once, in the path of whoever adds or removes: be quick. */
export interface RegistryWatch {
  /** A policy is there. */
  added(policy: NamedPolicy<unknown>): void;
  /** A policy has gone. */
  removed(policy: NamedPolicy<unknown>): void;
}

/** The watches of one registry. */
export class Watches {
  readonly #watches = new Set<RegistryWatch>();
  readonly #news: News[] = [];
  #isTelling = false;

  /** Tells `watch` of `policies`, and from then on of each that comes or goes. Returns what ends that. */
  add(watch: RegistryWatch, policies: Iterable<NamedPolicy<unknown>>): () => void {
    const own: RegistryWatch = {
      added: (policy) => watch.added(policy),
      removed: (policy) => watch.removed(policy),
    };
    this.#watches.add(own);
    for (const policy of policies) this.#news.push({ what: 'added', policy, watches: [own] });
    this.#tellAll();
    return () => void this.#watches.delete(own);
  }

  /** Tells all who watch. */
  tell(what: keyof RegistryWatch, policy: NamedPolicy<unknown>): void {
    this.#news.push({ what, policy, watches: [...this.#watches] });
    this.#tellAll();
  }

  // --- internal ---

  #tellAll(): void {
    if (this.#isTelling) return; // (1): whoever tells already comes to it
    this.#isTelling = true;
    for (let news = this.#news.shift(); news !== undefined; news = this.#news.shift()) this.#tellOne(news);
    this.#isTelling = false;
  }

  #tellOne({ what, policy, watches }: News): void {
    for (const watch of watches)
      if (this.#watches.has(watch)) callHook('registry.watch', policy.name, () => watch[what](policy)); // (2)
  }
}

interface News {
  readonly what: keyof RegistryWatch;
  readonly policy: NamedPolicy<unknown>;
  readonly watches: readonly RegistryWatch[];
}
