/**
 * Types of configuration: what a pipeline gives is said by the caller, and by default is not known.
 *
 * @module
 */

import {
  type Configuration,
  type Pipeline,
  type PolicyKind,
  builtInKinds,
  configure,
  createRegistry,
  describe,
  nonEmptyString,
  retry,
  warnings,
} from '@holdfast/core';
import { expectTypeOf } from 'vitest';

const registry = createRegistry();
const configuration = configure(registry, {}, { kinds: builtInKinds, functions: { f: (n: number) => n > 1 } });

expectTypeOf(configuration).toEqualTypeOf<Configuration>();
expectTypeOf(configuration.pipeline('prices')).toEqualTypeOf<Pipeline<unknown>>();
expectTypeOf(configuration.pipeline<never>('prices').execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(configuration.pipeline<string>('prices').execute(() => 7)).toEqualTypeOf<Promise<number | string>>();
expectTypeOf(describe(retry()).worstCase.maxRuns).toEqualTypeOf<number>();
expectTypeOf(warnings(retry())[0]?.code).toEqualTypeOf<string | undefined>();

const kind: PolicyKind = { kind: 'mine', rules: { name: nonEmptyString }, required: [], create: retry };
configure(registry, {}, { kinds: [kind] });

// @ts-expect-error -- which kinds there are must be said
configure(registry, {});
// @ts-expect-error -- a kind is an object, not a factory
configure(registry, {}, { kinds: [retry] });
// @ts-expect-error -- a function by name is a function
configure(registry, {}, { kinds: [], functions: { f: 1 } });
