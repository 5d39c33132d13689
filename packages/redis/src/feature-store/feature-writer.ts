/**
 * Feature writer: sends changes to the server, and tells what stands there then.
 *
 *   save ─► feature-save ─┬─► saved: ours       kept: the one that supersedes it
 *                         └─► no answer ─► once more ─► no answer ─► all is looked at with the next poll
 *
 * Invariants
 *  (1) What is left of overrides is counted from when `save` was called, by the server's time, whenever the script runs.
 *  (2) What is not answered is sent once more at the most, and what is refused never: whoever has it to say says it again.
 *  (3) After an answer that did not come all is looked at: it may have been done.
 *  (4) A record that cannot be read stands in the way for as long as it might be in force, and no longer: by the script's rule.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';

import { type LuaScript, StoreUnavailableError, troubleBehind } from '../lua-script.ts';
import type { ScriptInput } from '../script-link.ts';
import type { FeatureFeed } from './feature-feed.ts';
import type { FeatureKeys } from './feature-keys.ts';
import { type SaveReply, type SaveRequest, featureSave, readSave, saveInput } from './feature-scripts.ts';
import type { FeatureStoreSettings } from './feature-store-options.ts';
import { packFeature } from './packed-feature.ts';
import type { SharedFeature, SharedFeatureChange } from './shared-feature.ts';

/** What a writer is made with. */
export interface FeatureWriterParts {
  readonly settings: FeatureStoreSettings;
  readonly keys: FeatureKeys;
  readonly feed: FeatureFeed;
  /** Waits for the connection, for a while, and tells by which command notices are published. Rejects after close. */
  readonly connected: () => Promise<'PUBLISH' | 'SPUBLISH'>;
  readonly run: (script: LuaScript, input: ScriptInput) => Promise<unknown>;
}

/** Sends changes. */
export class FeatureWriter {
  private readonly parts: FeatureWriterParts;

  constructor(parts: FeatureWriterParts) {
    this.parts = parts;
  }

  /**
   * Keeps `record` unless the one that is there supersedes it; returns the one that is there then.
   *
   * @throws RangeError when the record is too large.
   * @throws StoreUnavailableError when no answer came, or it cannot be read.
   */
  async save(record: SharedFeature, change: SharedFeatureChange | undefined): Promise<SharedFeature> {
    const { settings, feed } = this.parts;
    const madeAt = settings.clock.now();
    const sent = packFeature(record, settings.seal);
    const publish = await this.parts.connected();
    if (feed.serverTime(madeAt) === undefined) await feed.all();
    const mark = randomBytes(9).toString('base64url');
    const sentMs = feed.serverTime(madeAt); // (1)
    const request = { sent, change, publish, mark, maxAuditEntries: settings.maxAuditEntries, sentMs };
    const kept = await this.keep({ ...request, unreadable: undefined });
    if (typeof kept !== 'string') return kept ?? record;
    const keptNow = await this.keep({ ...request, unreadable: kept }); // (4)
    if (typeof keptNow !== 'string') return keptNow ?? record;
    const message = `the record of ${record.feature} that the store has cannot be read`;
    throw new StoreUnavailableError(message, { trouble: 'failed' });
  }

  // --- internal ---

  /** Returns the record that is kept instead; undefined where there is none, and its text where that cannot be read. */
  private async keep(request: SaveRequest): Promise<SharedFeature | string | undefined> {
    const { keys, feed } = this.parts;
    const reply = await this.ask(saveInput(keys, request));
    feed.follow(reply.before, reply.after);
    if (reply.isSaved) return undefined;
    return feed.open({ field: request.sent.field, packed: reply.packed }) ?? reply.packed;
  }

  private async ask(input: ScriptInput): Promise<SaveReply> {
    try {
      return await this.askOnce(input).catch((error: unknown) => {
        if (isRefused(error)) throw error;
        return this.askOnce(input); // (2)
      });
    } catch (error) {
      if (!isRefused(error)) this.parts.feed.forget(); // (3)
      throw error;
    }
  }

  private async askOnce(input: ScriptInput): Promise<SaveReply> {
    const { settings, feed, run } = this.parts;
    const sentAt = settings.clock.now();
    const reply = readSave(await run(featureSave, input));
    feed.noteTime(sentAt, reply.serverMs);
    return reply;
  }
}

// --- internal ---

/** Whether the server refuses it, until somebody changes its configuration. */
function isRefused(error: unknown): boolean {
  return troubleBehind(error) === 'denied';
}
