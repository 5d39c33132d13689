/**
 * Build: makes the policies of a case on a side.
 *
 * @module
 */

import type { Acceptance, FallbackSpec, LayerSpec } from './case.ts';
import { foreignPolicy } from './foreign.ts';
import { seeded } from './fractions.ts';
import type { Stage } from './play.ts';
import { MarkedError, isMarked } from './script.ts';
import type { AnyPolicy, CallContext, Hooks, OwnPolicy, Ports } from './side.ts';

/** Composes `layers` into a pipeline. All policies that tell of themselves go to `policies`, the pipelines included. */
export function buildPolicies(layers: readonly LayerSpec[], stage: Stage, policies: OwnPolicy[]): OwnPolicy {
  const known: AnyPolicy[] = [];
  const composed = stage.side.pipeline(
    `pipeline-${policies.length}`,
    layers.map((layer) => {
      const policy = buildLayer(layer, known, stage, policies);
      known.push(policy);
      return policy;
    }),
  );
  policies.push(composed);
  return composed;
}

// --- internal ---

function buildLayer(layer: LayerSpec, known: readonly AnyPolicy[], stage: Stage, policies: OwnPolicy[]): AnyPolicy {
  const { journal, scheduler, fractions } = stage;
  const number = policies.length;
  if (layer.kind === 'pipeline') return buildPolicies(layer.layers, stage, policies);
  if (layer.kind === 'same') return known[layer.as % known.length] ?? stage.side.pipeline(`nothing-${number}`, []);
  if (layer.kind === 'foreign') {
    const name = `foreign-${number}-${known.length}`;
    const value = journal.label({}, `value of ${name}`);
    const error = journal.label(new Error(name), `error of ${name}`);
    return foreignPolicy(layer, { clock: scheduler, fraction: () => fractions.next(name), value, error });
  }
  const policy = buildOwn(layer, stage, number);
  policies.push(policy);
  return policy;
}

function buildOwn(
  layer: Exclude<LayerSpec, { kind: 'pipeline' | 'same' | 'foreign' }>,
  stage: Stage,
  number: number,
): OwnPolicy {
  const { side } = stage;
  const clock = stage.clocks['clock' in layer ? layer.clock : 'main'];
  const name = `${layer.kind}-${number}`;
  const value = stage.journal.label({}, `value of ${name}`);
  const ports: Ports = { name, clock, random: seeded(stage.seed + number), hooks: hooksOf(layer, name, stage), value };
  switch (layer.kind) {
    case 'fallback':
      return side.fallback(layer, ports);
    case 'retry':
      return side.retry(layer, ports);
    case 'breaker':
      return side.circuitBreaker(layer, ports);
    case 'bulkhead':
      return side.bulkhead(layer, ports);
    case 'timeout':
      return side.timeout(layer, ports);
  }
}

function hooksOf(layer: LayerSpec, name: string, stage: Stage): Hooks {
  const { journal } = stage;
  return {
    judge: (value, error, failed) => {
      journal.tell(name, 'judges', failed ? error : value);
      if (layer.kind !== 'breaker' || layer.classify === 'throws') throw new Error('classify threw');
      if (layer.classify === 'invalid') return 'maybe';
      if (!failed) return isMarked(value) ? 'failure' : 'success';
      return isMarked(error) ? 'ignored' : 'failure';
    },
    accepts: (error) => {
      journal.tell(name, 'is asked about', error);
      if (acceptanceOf(layer) === 'throws') throw new Error('a predicate threw');
      return isMarked(error);
    },
    substitute: (error, context) => substitute(layer as FallbackSpec, name, stage, [error, context]),
  };
}

function acceptanceOf(layer: LayerSpec): Acceptance {
  if (layer.kind === 'retry') return layer.isRetryable;
  return layer.kind === 'fallback' ? layer.handles : 'default';
}

function substitute(spec: FallbackSpec, name: string, stage: Stage, [error, context]: [unknown, CallContext]): unknown {
  const { journal, scheduler, fractions } = stage;
  journal.tell(name, `stands in, cancelled=${context.cancelled}, for`, error);
  const value = journal.label({}, `answer of ${name}`);
  const failure = journal.label(new MarkedError(), `error of ${name}`);
  const afterMs = spec.answerMs + fractions.next(name);
  const later = (settle: () => void): void => void scheduler.setTimer(settle, afterMs);
  switch (spec.answer) {
    case 'value':
    case 'returns':
      return value;
    case 'throws':
      throw failure;
    case 'resolves-at-once':
      return Promise.resolve(value);
    case 'resolves-later':
      return new Promise((resolve) => {
        later(() => resolve(value));
      });
    case 'rejects-later':
      return new Promise((_resolve, reject) => {
        later(() => reject(failure));
      });
    case 'never':
      return new Promise(() => {});
  }
}
