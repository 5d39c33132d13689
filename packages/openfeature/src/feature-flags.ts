/**
 * Feature flags: what the features of a degradation are as flags of OpenFeature. Pure but for the features it reads.
 *
 *   recommendations          string: the mode · boolean: whether it is the best · number: its position, 0 the best ·
 *                            object: { mode, position, isBest, params }
 *   recommendations.limit    a parameter of the mode, of the type that it has in the catalogue
 *
 * Invariants
 *  (1) Resolving never throws: what cannot be resolved has an error code, and the caller's default value.
 *  (2) A key that no feature and no parameter has is FLAG_NOT_FOUND; a parameter of another type is TYPE_MISMATCH.
 *  (3) The variant is the mode.
 *  (4) The reason tells how the mode was found: DEFAULT, nobody asked for another; STATIC, all get the same;
 *      TARGETING_MATCH, by who asks; SPLIT, by the bucket of who asks; STALE, whichever it is, while the store is away.
 *
 * @module
 */

import type { Degradation, FeatureHandle, FeatureStatus, Reading } from '@holdfast/degradation';
import { type EvaluationContext, ErrorCode, type FlagMetadata, type ResolutionDetails } from '@openfeature/server-sdk';

import { targetOf } from './evaluation-target.ts';

/** What is needed of a degradation: any that `createDegradation` returned. */
export type FeatureSource = Pick<
  Degradation,
  'events' | 'features' | 'handle' | 'isClosed' | 'level' | 'loaded' | 'status' | 'storeStatus'
>;

/** What a flag is asked for as. */
export type FlagType = 'boolean' | 'string' | 'number' | 'object';

/** The flags that a degradation has. */
export class FeatureFlags {
  readonly #source: FeatureSource;
  readonly #features: ReadonlyMap<string, FlaggedFeature>;

  constructor(source: FeatureSource) {
    const names = Object.keys(source.features);
    this.#source = source;
    this.#features = new Map(names.map((name) => [name, flaggedFeature(source, name)]));
  }

  /** Keys of the flags of a feature; none where there is no such feature. */
  keysOf(name: string): readonly string[] {
    return this.#features.get(name)?.keys ?? [];
  }

  /** Resolves one flag. */
  resolve<T>(asked: unknown, type: FlagType, { defaultValue, context }: FlagQuestion<T>): ResolutionDetails<T> {
    const key = String(asked); // (1): no compiler checks all who ask
    const [name, parameter] = split(key);
    const feature = this.#features.get(name);
    if (feature === undefined || !feature.keys.includes(key))
      return failed(defaultValue, ErrorCode.FLAG_NOT_FOUND, `there is no flag ${shown(key)}`); // (2)
    const reading = feature.handle.read(undefined, targetOf(context));
    const status = this.#source.status(name);
    const answer = { variant: reading.mode, flagMetadata: this.#metadata(reading, status) }; // (3)
    const value = parameter === undefined ? valueOf(reading, type, status) : parameterOf(reading, parameter);
    if (value === undefined) return { ...answer, value: defaultValue, reason: 'DEFAULT' };
    if (!isOfType(value, type)) return failed(defaultValue, ErrorCode.TYPE_MISMATCH, `${key} is no ${type}`); // (2)
    const reason = this.#source.storeStatus().state === 'stale' ? 'STALE' : reasonOf(reading, status); // (4)
    return { ...answer, value: value as T, reason };
  }

  #metadata({ decidedBy, isDegraded, reason, overrideId }: Reading, status: FeatureStatus): FlagMetadata {
    const override = status.overrides.find(({ id }) => id === overrideId);
    return {
      decidedBy,
      isDegraded,
      version: String(status.revision),
      level: this.#source.level().level,
      ...(reason !== undefined && { why: reason }),
      ...(override !== undefined && { actor: override.actor, expiresAt: override.expiresAt }),
    };
  }
}

// --- internal ---

interface FlaggedFeature {
  readonly handle: FeatureHandle;
  readonly keys: readonly string[];
}

/** Who asks, and what they get where there is no answer. */
interface FlagQuestion<T> {
  readonly defaultValue: T;
  readonly context: EvaluationContext | undefined;
}

function flaggedFeature(source: FeatureSource, name: string): FlaggedFeature {
  const params = Object.values(source.features[name]?.params ?? {});
  const names = new Set(params.flatMap((values) => Object.keys(values ?? {})));
  return { handle: source.handle(name), keys: [name, ...[...names].map((parameter) => `${name}.${parameter}`)] };
}

/** Names of features have no dot; those of parameters may. */
function split(key: string): readonly [string, string?] {
  const at = key.indexOf('.');
  return at < 0 ? [key] : [key.slice(0, at), key.slice(at + 1)];
}

function valueOf({ mode, isDegraded, params }: Reading, type: FlagType, { modes }: FeatureStatus): unknown {
  const position = modes.indexOf(mode);
  switch (type) {
    case 'boolean':
      return !isDegraded;
    case 'string':
      return mode;
    case 'number':
      return position;
    case 'object':
      return { mode, position, isBest: !isDegraded, params: { ...(params as object | undefined) } };
  }
}

function parameterOf({ params }: Reading, parameter: string): unknown {
  const known = (params ?? {}) as Readonly<Record<string, unknown>>;
  return Object.hasOwn(known, parameter) ? known[parameter] : undefined;
}

function isOfType(value: unknown, type: FlagType): boolean {
  return typeof value === type && value !== null;
}

function reasonOf({ decidedBy, isForAll, overrideId }: Reading, { overrides }: FeatureStatus): string {
  if (decidedBy === 'default') return 'DEFAULT';
  if (isForAll) return 'STATIC';
  const override = overrides.find(({ id }) => id === overrideId);
  return override !== undefined && override.match.length > 0 ? 'TARGETING_MATCH' : 'SPLIT';
}

function failed<T>(value: T, errorCode: ErrorCode, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: 'ERROR', errorCode, errorMessage }; // (1)
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 100));
}
