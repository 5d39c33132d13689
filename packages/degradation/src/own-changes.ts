/**
 * Own changes: what this process changed and no store has confirmed, so that no change is lost without a word.
 *
 *   set, restore ─► open ─┬─► the store hands it back ───────────────────────────► confirmed: not open any more
 *                         └─► another record takes its place ─┬─ with it in it ─► seen there, so nothing is lost
 *                                                             └─ without ───────► lost: told
 *
 * Invariants
 *  (1) A change that another record replaces before a store had it is told once, whatever the revision of that record.
 *  (2) A change is told as lost, although a store had it, where the author of the other one cannot have seen it: that has the
 *      same revision, or was kept before this process started.
 *  (3) At most `MAX_OPEN` changes of a feature are remembered, the latest.
 *
 * What was restored, and what the other author saw and replaced before this process heard of it, cannot be told from what is
 * lost: it is told too.
 *
 * @module
 */

import type { FeatureRecord } from './feature-record.ts';
import type { OverrideRecord } from './override.ts';

/** Changes of one process. */
export class OwnChanges {
  /** Random name of this process: tells its changes from others' of the same revision. */
  readonly origin: string;
  readonly #onLost: (lost: FeatureRecord, kept: FeatureRecord) => void;
  readonly #open = new Map<string, readonly FeatureRecord[]>();

  constructor(origin: string, onLost: (lost: FeatureRecord, kept: FeatureRecord) => void) {
    this.origin = origin;
    this.#onLost = onLost;
  }

  /** This process made a change. */
  made(record: FeatureRecord): void {
    const open = this.#open.get(record.feature) ?? [];
    this.#open.set(record.feature, [...open, record].slice(-MAX_OPEN)); // (3)
  }

  /** A store has `record`: if it is of this process, that and what it was made on are safe there. */
  confirmed({ feature, origin, revision }: FeatureRecord): void {
    const open = this.#open.get(feature);
    if (open === undefined || origin !== this.origin) return;
    const later = open.filter((one) => one.revision > revision);
    if (later.length === 0) this.#open.delete(feature);
    else this.#open.set(feature, later);
  }

  /** `kept`, of another process, took the place of `before`; `isFromBefore` tells that it was kept before this one started. */
  replaced(before: FeatureRecord, kept: FeatureRecord, isFromBefore: boolean): void {
    const open = this.#open.get(kept.feature) ?? [];
    this.#open.delete(kept.feature);
    for (const lost of open) if (!isIn(lost, kept)) this.#onLost(lost, kept); // (1)
    const isUnseen = before.origin === this.origin && (isFromBefore || before.revision === kept.revision);
    if (isUnseen && open.every(({ revision }) => revision !== before.revision)) this.#onLost(before, kept); // (2)
  }
}

// --- internal ---

/** Changes of one feature that are remembered. */
const MAX_OPEN = 32;

/** Whether the override that a change made stands in another record too: whoever wrote that had seen it. */
function isIn({ overrides, revision }: FeatureRecord, kept: FeatureRecord): boolean {
  const made = overrides.find((one) => one.revision === revision);
  if (made === undefined || revision === kept.revision) return false;
  const { id, actor, mode, setAtMs } = made;
  const isSame = (one: OverrideRecord) => one.id === id && one.actor === actor && one.mode === mode;
  return kept.overrides.some((one) => isSame(one) && one.revision === revision && one.setAtMs === setAtMs);
}
