/**
 * Audit trail: the last changes of all features as this process saw them, oldest first, each with the hash of the one before.
 *
 * Invariants
 *  (1) It holds at most `maxEntries` entries and drops the oldest first.
 *  (2) An entry that is changed, inserted, dropped or moved between others breaks the chain of hashes.
 *  (3) A hash function that fails, or returns no text, keeps no change out: the entry has an empty hash, and breaks the chain.
 *
 * Source: How to Time-Stamp a Digital Document, S. Haber, W. S. Stornetta, Journal of Cryptology 3, 1991,
 * https://doi.org/10.1007/BF00196791. Deviation: the chain is of one process, and nobody else signs it.
 *
 * @module
 */

import { ignoreRejection, reportHookError } from '@holdfast/core';

import type { ParamValue } from './override.ts';
import { type HashFunction, sha256 } from './sha256.ts';

/** How a mode came to change. */
export type ChangeCause =
  /** Somebody set an override. */
  | 'set'
  /** Somebody ended overrides. */
  | 'restored'
  /** The time of an override was over. */
  | 'expired'
  /** An override that has ended was taken back by a step. */
  | 'restoring'
  /** A controller, or the brownout level. */
  | 'automatic';

/** What a change was. */
export interface AuditedChange {
  /** Calendar time of the change, ISO 8601, UTC. */
  readonly at: string;
  readonly feature: string;
  /** The modes for nobody in particular, before and after. */
  readonly from: string;
  readonly to: string;
  /** Who changed it; for an expiry, who had set what expired. */
  readonly actor: string;
  /** Why it was changed; for an expiry, why what expired had been set. */
  readonly reason: string;
  readonly revision: number;
  readonly cause: ChangeCause;
  /** Calendar time at which what decides now expires; undefined when it does not. */
  readonly expiresAt: string | undefined;
  /** Parameters of the mode that are others than the catalogue says. */
  readonly params?: Readonly<Record<string, ParamValue>> | undefined;
}

/** One change of one feature. */
export interface AuditEntry extends AuditedChange {
  /** Hash of the entry before; that of the first ever is empty. */
  readonly previousHash: string;
  /** Hash of this entry and `previousHash`. */
  readonly hash: string;
}

/**
 * Checks entries as `audit()` returned them. Returns the position of the first that does not follow from the one before, or
 * undefined when all do. That nothing was cut off at the ends, only a hash kept elsewhere can tell.
 */
export function findTampering(entries: readonly AuditEntry[], hash: HashFunction = sha256): number | undefined {
  const position = entries.findIndex((entry, index) => {
    const before = entries[index - 1];
    const follows = before === undefined || before.hash === entry.previousHash;
    return !follows || hashOf(entry, entry.previousHash, hash) !== entry.hash; // (2)
  });
  return position < 0 ? undefined : position;
}

/** A bounded list of changes. */
export class AuditTrail {
  readonly #maxEntries: number;
  readonly #hash: HashFunction;
  readonly #entries: AuditEntry[] = [];
  #lastHash = '';
  /** Where the next entry goes once the list is full: the place of the oldest. */
  #next = 0;

  constructor(maxEntries: number, hash: HashFunction = sha256) {
    this.#maxEntries = maxEntries;
    this.#hash = hash;
  }

  add(change: AuditedChange): void {
    const previousHash = this.#lastHash;
    const entry = Object.freeze({ ...change, previousHash, hash: this.#hashOf(change, previousHash) });
    this.#lastHash = entry.hash;
    if (this.#entries.length < this.#maxEntries) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[this.#next] = entry; // (1)
    this.#next = (this.#next + 1) % this.#maxEntries;
  }

  /** Returns the change that somebody made to a feature with one revision; undefined where it is not in the trail. */
  findChange({ feature, revision }: Pick<AuditedChange, 'feature' | 'revision'>): AuditedChange | undefined {
    return this.list().findLast(
      (entry) => entry.feature === feature && entry.revision === revision && ['set', 'restored'].includes(entry.cause),
    );
  }

  /** Returns a copy, oldest first. */
  list(): readonly AuditEntry[] {
    return [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
  }

  #hashOf(change: AuditedChange, previousHash: string): string {
    try {
      const hash: unknown = hashOf(change, previousHash, this.#hash);
      if (typeof hash === 'string') return hash;
      ignoreRejection(hash);
      throw new TypeError(`hash must return a text, got ${typeof hash}`);
    } catch (error) {
      reportHookError('hash', error, change.feature);
      return ''; // (3)
    }
  }
}

// --- internal ---

function hashOf(change: AuditedChange, previousHash: string, hash: HashFunction): string {
  const { at, feature, from, to, actor, reason, revision, cause, expiresAt = '', params } = change;
  const always = [previousHash, at, feature, from, to, actor, reason, revision, cause, expiresAt];
  return hash(JSON.stringify(params === undefined ? always : [...always, params]));
}
