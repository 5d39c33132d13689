/**
 * Config problem: one thing that is wrong with a configuration, with its place; and the error that carries all of them.
 *
 * @module
 */

import { markAsResilienceError, messageOf, nameErrorClass } from '../kernel/errors.ts';
import { ConfigError } from '../kernel/options.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where: `pipelines.prices[1].failureRatio`; empty for the whole. */
  readonly path: string;
  /** What is wrong, the path included: `pipelines.prices[1].failureRatio must be ...`. */
  readonly message: string;
}

/** A configuration is refused. It has changed nothing. */
export class ConfigurationError extends RangeError {
  /** Stable, literal name of what happened; part of the public contract. */
  readonly code = 'INVALID_CONFIGURATION';
  /** All that is wrong, in the order of the configuration. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super([`the configuration has ${count}`, ...problems.map(({ message }) => `  ${message}`)].join('\n'));
    this.problems = problems;
  }
}

/** A value that is not what it must be. */
export function wrongValue(path: string, expectation: string, value: unknown): ConfigProblem {
  return { path, message: new ConfigError(path === '' ? 'the configuration' : path, expectation, value).message };
}

/** Something else: `message` goes on after the path. */
export function problemAt(path: string, message: string): ConfigProblem {
  return { path, message: `${path} ${message}` };
}

/** What a policy threw at its options: where it names one, the path goes down to that. */
export function refusalAt(path: string, error: unknown): ConfigProblem {
  if (!(error instanceof ConfigError)) return { path, message: `${path}: ${messageOf(error)}` };
  const place = `${path}${error.option.replace(/^[^.[]*/, '')}`;
  return { path: place, message: error.message.replace(error.option, () => place) };
}

/** The path to `key` inside `path`: a name that JavaScript knows as one goes behind a dot, any other into brackets. */
export function inside(path: string, key: string | number): string {
  const isName = typeof key === 'string' && /^[A-Za-z_$][\w$-]*$/.test(key);
  return isName ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

// --- internal ---

nameErrorClass(ConfigurationError, 'ConfigurationError');
markAsResilienceError(ConfigurationError);
