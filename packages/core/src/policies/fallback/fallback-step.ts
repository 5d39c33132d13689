/**
 * Fallback step: one of the answers of a fallback, in the order in which they are tried.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import { type OptionRule, anyFunction, checkOptions, nonEmptyString } from '../../kernel/option-rules.ts';
import { ConfigError, withKnown } from '../../kernel/options.ts';

/** One answer of a fallback. Exactly one of `value` and `substitute` is needed. */
export interface FallbackStep<F> {
  /** Names the step in events and provenance; by default `step-1`, `step-2`, ... by its place. */
  readonly name?: string;
  /** The answer. */
  readonly value?: F;
  /** Makes the answer. It runs under the call's context. */
  readonly substitute?: (error: unknown, context: Context) => F | PromiseLike<F>;
  /**
   * Whether this step is for `error`, which is the operation's, not that of an earlier step. By default it is for every one.
   * If it throws, that is reported and the step is tried.
   */
  readonly when?: (error: unknown, context: Context) => boolean;
}

/** What gives the answer: a fallback's own options, or its steps. */
export interface AnswerOptions<F> {
  readonly value?: F;
  readonly substitute?: FallbackStep<F>['substitute'];
  readonly steps?: readonly FallbackStep<F>[];
}

/** A step, checked and completed. */
export interface AnswerStep {
  readonly name: string;
  readonly value: unknown;
  /** Undefined where `value` is the answer. */
  readonly substitute: ((error: unknown, context: Context) => unknown) | undefined;
  readonly when: ((error: unknown, context: Context) => unknown) | undefined;
}

/** The rule of a list of steps. What is in a step is checked by {@link resolveAnswer}. */
export const stepsRule: OptionRule = Object.freeze({
  expectation: 'an array of 1 to 16 steps',
  accepts: (value: unknown) => value === undefined || (Array.isArray(value) && value.length > 0 && value.length <= 16),
  schema: Object.freeze({
    type: 'array',
    minItems: 1,
    maxItems: 16,
    items: Object.freeze({
      type: 'object',
      properties: Object.freeze({ name: nonEmptyString.schema, value: Object.freeze({}) }),
      required: Object.freeze(['value']),
      additionalProperties: false,
    }),
  }),
});

/** Whether `options` say what the answer is. */
export function namesAnswer(options: AnswerOptions<unknown>): boolean {
  return options.value !== undefined || options.substitute !== undefined || options.steps !== undefined;
}

/**
 * Returns the steps that `options` say.
 *
 * @throws ConfigError unless exactly one answer is given, and one per step.
 */
export function resolveAnswer(options: AnswerOptions<unknown>): readonly AnswerStep[] {
  const { value, substitute, steps } = options;
  const hasOther = substitute !== undefined || steps !== undefined;
  const hasValue = value !== undefined || (Object.hasOwn(options, 'value') && !hasOther); // undefined is an answer
  const givenCount = Number(hasValue) + Number(substitute !== undefined) + Number(steps !== undefined);
  if (givenCount !== 1) {
    const given = givenCount === 0 ? 'neither' : givenCount === 2 && steps === undefined ? 'both' : 'several';
    throw new ConfigError('fallback', 'given exactly one of value and substitute, or steps', given);
  }
  if (steps !== undefined) return resolveSteps(steps);
  return [{ name: hasValue ? 'value' : 'substitute', value, substitute, when: undefined }];
}

/** What JSON can hold of an answer. */
export function describeAnswer(steps: readonly AnswerStep[]): Readonly<Record<string, unknown>> {
  const [first] = steps;
  if (steps.length === 1 && first !== undefined && (first.name === 'value' || first.name === 'substitute'))
    return answerOf(first);
  return {
    steps: steps.map((step) => ({
      name: step.name,
      ...answerOf(step),
      ...(step.when !== undefined && { when: '[function]' }),
    })),
  };
}

// --- internal ---

const stepRules = Object.freeze({ name: nonEmptyString });
const omitted: Required<Pick<FallbackStep<unknown>, 'name'>> = Object.freeze({ name: 'step' });

function resolveSteps(steps: readonly FallbackStep<unknown>[]): readonly AnswerStep[] {
  const resolved = steps.map((step, index) => resolveStep(step, index));
  const names = resolved.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError('fallback.steps', 'steps of different names', twice);
  return Object.freeze(resolved);
}

function resolveStep(step: FallbackStep<unknown>, index: number): AnswerStep {
  const place = `fallback.steps[${index}]`;
  const { name, value, substitute, when } = withKnown(place, { ...omitted, name: `step-${index + 1}` }, step, [
    'value',
    'substitute',
    'when',
  ]);
  checkOptions(place, stepRules, { name });
  const hasValue = value !== undefined || (Object.hasOwn(step, 'value') && substitute === undefined);
  if (hasValue === (substitute !== undefined)) {
    throw new ConfigError(place, 'given exactly one of value and substitute', hasValue ? 'both' : 'neither');
  }
  if (!hasValue) checkOptions(place, { substitute: anyFunction }, { substitute });
  if (when !== undefined) checkOptions(place, { when: anyFunction }, { when });
  return { name, value, substitute, when };
}

function answerOf({ value, substitute }: AnswerStep): Readonly<Record<string, unknown>> {
  if (substitute !== undefined) return { substitute: '[function]' };
  const isPlain = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  return { value: isPlain ? value : '[value]' };
}
