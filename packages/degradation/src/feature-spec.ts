/**
 * Feature spec: the check of what a catalogue says about one feature, also where its types were circumvented.
 *
 * @module
 */

import { ConfigError, integerInRange, isName } from '@holdfast/core';

import { type LevelMap, checkLevelMap } from './level-map.ts';
import { MAX_OVERRIDE_MS } from './override.ts';
import { checkPlainData, frozenCopy } from './plain-data.ts';

/** What `defineFeatures` takes per feature. */
export interface FeatureSpec {
  /** Names of the modes, best first; the first is the default. Lower case letters, digits and hyphens, a letter first. */
  readonly modes: readonly [string, ...string[]];
  /** What a mode is done with: page size, quality, longest staleness. Plain data, per mode; delivered with the mode. */
  readonly params?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** Who decides about this feature; shown to operators. */
  readonly owner?: string | undefined;
  /** What to tell users while the feature is not in its default mode. */
  readonly notice?: string | undefined;
  /** Whether its name and mode may stand in answers to callers from outside. By default false. */
  readonly isPublic?: boolean | undefined;
  /** Whether the service has no point without it: brownout levels below the highest leave it alone. By default false. */
  readonly essential?: boolean | undefined;
  /**
   * The mode from which brownout level on: keys are levels, above 0 and up to 4, fractions included; a level that is not named
   * keeps the mode of the one below. Higher levels never name better modes. By default no level concerns it.
   */
  readonly onLevel?: Readonly<Record<number, string>> | undefined;
  /** The worst mode that controllers may choose; false keeps them out. By default the worst of all; false if essential. */
  readonly worstAutomatic?: string | false | undefined;
  /** The longest that an override of it may last. Milliseconds, integer, 1 to 86 400 000. By default 86 400 000 (24 h). */
  readonly maxOverrideMs?: number | undefined;
}

/** One feature of a catalogue. */
export interface FeatureDefinition<Mode extends string = string> {
  readonly modes: readonly [Mode, ...Mode[]];
  /** Per mode; undefined for a mode without. */
  readonly params: Readonly<Partial<Record<Mode, Readonly<Record<string, unknown>>>>>;
  readonly owner: string | undefined;
  readonly notice: string | undefined;
  readonly isPublic: boolean;
  readonly essential: boolean;
  /** Steps of the level map, by rising level. */
  readonly onLevel: LevelMap;
  /** How far controllers may go: a position among the modes; 0 keeps them out. */
  readonly worstAutomatic: number;
  readonly maxOverrideMs: number;
}

/** Returns a completed copy of `spec`, frozen all the way down. Throws a ConfigError, or a TypeError for an unknown key. */
export function checkSpec(path: string, spec: unknown): FeatureDefinition {
  if (!isPlainObject(spec)) throw new ConfigError(path, 'an object', spec);
  const unknown = Object.keys(spec).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new TypeError(`${path} has no option "${unknown}"; it knows ${KEYS.join(', ')}`);
  const { owner, notice, essential = false, isPublic = false, maxOverrideMs = MAX_OVERRIDE_MS } = spec;
  if (owner !== undefined) isName(`${path}.owner`, owner);
  if (notice !== undefined) isName(`${path}.notice`, notice);
  if (typeof essential !== 'boolean') throw new ConfigError(`${path}.essential`, 'true or false', essential);
  if (typeof isPublic !== 'boolean') throw new ConfigError(`${path}.isPublic`, 'true or false', isPublic);
  integerInRange(`${path}.maxOverrideMs`, maxOverrideMs, [1, MAX_OVERRIDE_MS]);
  const modes = checkModes(`${path}.modes`, spec['modes']);
  const onLevel = checkLevelMap(`${path}.onLevel`, spec['onLevel'], { modes, essential });
  const params = checkParams(`${path}.params`, spec['params'], modes);
  const worstAutomatic = checkWorst(`${path}.worstAutomatic`, spec['worstAutomatic'], { modes, essential, onLevel });
  const checked = { modes, params, owner, notice, isPublic, essential, onLevel, worstAutomatic, maxOverrideMs };
  return Object.freeze(checked) as FeatureDefinition;
}

// --- internal ---

const NAME = /^[a-z][a-z0-9-]*$/;
const KEYS: readonly string[] = [
  'modes',
  'params',
  'owner',
  'notice',
  'isPublic',
  'essential',
  'onLevel',
  'worstAutomatic',
  'maxOverrideMs',
];

function checkModes(path: string, modes: unknown): FeatureDefinition['modes'] {
  if (!Array.isArray(modes) || modes.length === 0) throw new ConfigError(path, 'an array of at least one mode', modes);
  for (const [position, mode] of (modes as readonly unknown[]).entries()) {
    if (typeof mode !== 'string' || !NAME.test(mode))
      throw new ConfigError(`${path}[${position}]`, 'a name like "read-only"', mode);
    if (modes.indexOf(mode) !== position) throw new ConfigError(`${path}[${position}]`, 'named once only', mode);
  }
  return Object.freeze([...modes]) as unknown as FeatureDefinition['modes'];
}

function checkParams(path: string, params: unknown, modes: readonly string[]): FeatureDefinition['params'] {
  if (params === undefined) return Object.freeze({});
  if (!isPlainObject(params)) throw new ConfigError(path, 'an object', params);
  const entries = Object.entries(params).map(([mode, values]) => {
    if (!modes.includes(mode)) throw new ConfigError(path, `an object with keys of ${modes.join(', ')}`, mode);
    if (!isPlainObject(values)) throw new ConfigError(`${path}.${mode}`, 'an object', values);
    checkPlainData(`${path}.${mode}`, values);
    return [mode, frozenCopy(values)] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

/** What a feature's automatic bound depends on. */
type BoundOwner = Pick<FeatureDefinition, 'modes' | 'essential' | 'onLevel'>;

function checkWorst(path: string, worst: unknown, { modes, essential, onLevel }: BoundOwner): number {
  const mapped = onLevel.at(-1)?.position ?? 0;
  if (worst === undefined) return essential ? mapped : modes.length - 1;
  const position = worst === false ? 0 : modes.indexOf(worst as string);
  if (position < 0) throw new ConfigError(path, `false or one of ${modes.join(', ')}`, worst);
  if (position < mapped) throw new ConfigError(path, 'as bad as the worst mode of onLevel, at least', worst);
  return position;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
