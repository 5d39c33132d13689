/**
 * Feature spec: the check of what a catalogue says about one feature, also where its types were circumvented.
 *
 * @module
 */

import { ConfigError, integerInRange, isName } from '@holdfast/core';

import type { FeatureDefinition } from './catalogue.ts';
import { checkLevelMap } from './level-map.ts';
import { MAX_OVERRIDE_MS } from './override.ts';

/** Returns a frozen, completed copy of `spec`. Throws a ConfigError, or a TypeError for an unknown key. */
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
    return [mode, Object.freeze({ ...values })] as const;
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
