/**
 * Codec options: what a codec may carry, in which form, and whom it believes what.
 *
 * @module
 */

import {
  ConfigError,
  inRange,
  integerInRange,
  isFunction,
  oneOf,
  type Random,
  systemRandom,
  withKnown,
} from '@holdfast/core';

import { type ContextSchema, defineContextSchema, requireSchema } from '../schema/context-schema.ts';
import { type TimeLeftHeader, timeLeftFormats } from '../formats/time-left.ts';
import { systemWallClock, type WallClock } from './wall-clock.ts';

/** Options of {@link createContextCodec}. Omitted ones take {@link contextCodecDefaults}. */
export interface ContextCodecOptions {
  /** The values that may travel; what it does not declare passes in neither direction. By default none. */
  readonly schema?: ContextSchema;
  /** Names of the values that are believed of whoever calls, or `all`. By default none: a caller may lie. @defaultValue [] */
  readonly accept?: 'all' | readonly string[];
  /** Names of the values that are told to whoever is called, or `all`. By default none: it may be a stranger. @defaultValue [] */
  readonly send?: 'all' | readonly string[];
  /**
   * The form in which values are sent; all three are read. `headers`: one header each, under the prefix. `baggage`: members of
   * the W3C header. `compact`: all of them and the trace in one short header. @defaultValue 'headers'
   */
  readonly form?: 'headers' | 'baggage' | 'compact';
  /** The headers by which the time left is sent; all are read. May be empty. @defaultValue ['x-request-timeout'] */
  readonly timeLeft?: readonly TimeLeftHeader[];
  /**
   * `direct` is for what is received as soon as it is sent. `queued` is for messages: the deadline travels as an instant, too,
   * so that the time in the queue counts. @defaultValue 'direct'
   */
  readonly transit?: 'direct' | 'queued';
  /** `continue` the caller's trace, `start` one where there is none, or `ignore` traces. @defaultValue 'continue' */
  readonly trace?: 'continue' | 'start' | 'ignore';
  /** As `trace`, for the id in `x-request-id`. @defaultValue 'continue' */
  readonly requestId?: 'continue' | 'start' | 'ignore';
  /**
   * Whether callers are `trusted` to say how critical a request is, may only `lower` it, or are `ignored`. @defaultValue 'lower'
   */
  readonly criticality?: 'trusted' | 'lower' | 'ignored';
  /** What the names of headers with values begin with; lower case, with a dash at its end. @defaultValue 'x-context-' */
  readonly prefix?: string;
  /** Bytes of all values with their names, in each direction; the last that do not fit are left out. Integer, 0 to 8192. @defaultValue 1024 */
  readonly maxBytes?: number;
  /**
   * How far the clocks of two hosts may be apart. It is taken off a deadline that comes as an instant, so that it is not later
   * than the caller's. Milliseconds, 0 to 60 000. @defaultValue 50
   */
  readonly clockSkewMs?: number;
  /** The calendar by which instants are written and read. */
  readonly wallClock?: WallClock;
  /** Source of ids. */
  readonly random?: Random;
}

/** Every default of {@link createContextCodec}, in one place. */
export const contextCodecDefaults: Required<Omit<ContextCodecOptions, 'schema'>> = Object.freeze({
  accept: Object.freeze([]),
  send: Object.freeze([]),
  form: 'headers',
  timeLeft: Object.freeze(['x-request-timeout'] as const),
  transit: 'direct',
  trace: 'continue',
  requestId: 'continue',
  criticality: 'lower',
  prefix: 'x-context-',
  maxBytes: 1024,
  clockSkewMs: 50,
  wallClock: systemWallClock,
  random: systemRandom,
});

/** Options that are complete and valid. */
export interface CodecSettings extends Required<ContextCodecOptions> {
  readonly accept: readonly string[];
  readonly send: readonly string[];
}

/** Checks and completes options. */
export function resolveCodecOptions(options: ContextCodecOptions): CodecSettings {
  const resolved = withKnown('codec', contextCodecDefaults, options, ['schema']);
  const schema = resolved.schema ?? noValues;
  requireSchema('codec.schema', schema);
  checkChoices(resolved);
  checkTimeLeft(resolved.timeLeft);
  if (typeof resolved.prefix !== 'string' || !/^[a-z](?:[a-z\d-]{0,30}[a-z\d])?-$/.test(resolved.prefix))
    throw new ConfigError('codec.prefix', 'lower-case letters, digits and dashes, a dash at the end', resolved.prefix);
  integerInRange('codec.maxBytes', resolved.maxBytes, [0, 8192]);
  inRange('codec.clockSkewMs', resolved.clockSkewMs, [0, 60_000]);
  isFunction('codec.wallClock', resolved.wallClock);
  isFunction('codec.random', resolved.random);
  return {
    ...resolved,
    schema,
    accept: namesOf('accept', resolved.accept, schema),
    send: namesOf('send', resolved.send, schema),
    timeLeft: [...resolved.timeLeft],
  };
}

// --- internal ---

const noValues = defineContextSchema({ version: '0.0', fields: {} });

const choices = {
  form: ['headers', 'baggage', 'compact'],
  transit: ['direct', 'queued'],
  trace: ['continue', 'start', 'ignore'],
  requestId: ['continue', 'start', 'ignore'],
  criticality: ['trusted', 'lower', 'ignored'],
} as const;

function checkChoices(options: { readonly [O in keyof typeof choices]: unknown }): void {
  for (const option of Object.keys(choices) as (keyof typeof choices)[])
    oneOf(`codec.${option}`, options[option], choices[option]);
}

function checkTimeLeft(names: unknown): void {
  const isValid = Array.isArray(names) && names.every((name) => Object.hasOwn(timeLeftFormats, name as string));
  if (!isValid)
    throw new ConfigError('codec.timeLeft', `an array of ${Object.keys(timeLeftFormats).join(', ')}`, names);
}

/** The names that are meant, in the order of the schema. */
function namesOf(option: string, names: 'all' | readonly string[], { fields }: ContextSchema): readonly string[] {
  const known = Object.keys(fields);
  if (names === 'all') return known;
  if (!Array.isArray(names))
    throw new ConfigError(`codec.${option}`, '"all", or an array of names of the schema', names);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`codec.${option}`, `names of the schema: ${known.join(', ') || 'it has none'}`, unknown);
  return known.filter((name) => names.includes(name));
}
