/**
 * FeatureError: why a change of a feature, or a question about one, was refused. A refusal changes nothing.
 *
 * @module
 */

import { ResilienceError, nameErrorClass } from '@holdfast/core';

/** What went wrong, for programs. */
export type FeatureErrorCode =
  /** The catalogue has no feature of that name. */
  | 'UNKNOWN_FEATURE'
  /** The feature has no mode of that name. */
  | 'UNKNOWN_MODE'
  /** A field of the change is missing, unknown or out of range; `field` says which. */
  | 'INVALID_CHANGE'
  /** The feature is at another revision than `ifRevision`; `revision` says at which. */
  | 'STALE_REVISION'
  /** The role that was given may not do that. */
  | 'FORBIDDEN'
  /** The feature has as many overrides as it can have. */
  | 'TOO_MANY_OVERRIDES'
  /** What was kept for this start is not used; `field` says why: `seal`, `form`, `age`, `size` or `permissions`. */
  | 'SNAPSHOT_REFUSED'
  /** Changes are over: `close()` was called. */
  | 'CLOSED';

/** What a {@link FeatureError} tells besides code and message. */
export interface FeatureErrorDetails {
  readonly feature?: string;
  readonly field?: string;
  readonly revision?: number;
}

/** A feature could not be changed or found. Nothing has changed. */
export class FeatureError extends ResilienceError {
  override readonly code: FeatureErrorCode;
  /** Name of the feature, as it was given. */
  readonly feature: string | undefined;
  /** The field of the change that was refused; undefined where no single field was. */
  readonly field: string | undefined;
  /** The feature's revision, where it decided. */
  readonly revision: number | undefined;

  constructor(code: FeatureErrorCode, message: string, details: FeatureErrorDetails = {}) {
    super(message);
    this.code = code;
    this.feature = details.feature;
    this.field = details.field;
    this.revision = details.revision;
  }
}

/** Shows a value that came from outside in a message: quoted, short, and never an object's contents. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

// --- internal ---

nameErrorClass(FeatureError, 'FeatureError');
