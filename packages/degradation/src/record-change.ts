/**
 * Record change: what a record did to its feature, for the trail that instances share: as this process saw it, or as the record
 * tells it where nothing changed here.
 *
 * @module
 */

import type { AuditTrail, AuditedChange } from './audit-trail.ts';
import type { FeatureRecord } from './feature-record.ts';
import { toIsoTime } from './wall-clock.ts';

/** The feature whose record it is. */
interface Changed {
  readonly mode: string;
  record(): FeatureRecord;
}

/** Returns what the current record of `cell` did. `calendarMs` is the calendar time now. */
export function changeOf(trail: AuditTrail, cell: Changed, calendarMs: number): AuditedChange {
  const record = cell.record();
  return trail.findChange(record) ?? unseenChange(record, cell.mode, calendarMs);
}

// --- internal ---

/** A record that changes nothing here, or whose change was dropped from the trail: it is for other processes. */
function unseenChange(record: FeatureRecord, mode: string, calendarMs: number): AuditedChange {
  const { feature, actor, reason, revision, changedAtMs, overrides } = record;
  const made = overrides.find((one) => one.revision === revision);
  return {
    at: toIsoTime(changedAtMs) ?? '',
    feature,
    from: mode,
    to: mode,
    actor,
    reason,
    revision,
    cause: made === undefined ? 'restored' : 'set',
    expiresAt: made === undefined ? undefined : toIsoTime(calendarMs + made.remainingMs),
    ...(made?.params !== undefined && { params: made.params }),
  };
}
