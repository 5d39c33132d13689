/**
 * Foreign: policies with nothing but `execute`, as a user may write them. Both sides use these.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { ForeignSpec } from './case.ts';
import type { AnyPolicy, CallContext, Work } from './side.ts';

/** What a foreign policy is made with. */
export interface ForeignPorts {
  readonly clock: Clock;
  /** Returns a fraction of a millisecond that nobody else has. */
  readonly fraction: () => number;
  /** What it gives or throws of its own. */
  readonly value: unknown;
  readonly error: unknown;
}

/** Makes a foreign policy. */
export function foreignPolicy(spec: ForeignSpec, ports: ForeignPorts): AnyPolicy {
  const execute = behaviours[spec.does](spec, ports);
  return { execute: (work, context) => execute(work, context as CallContext) };
}

// --- internal ---

type Execute = (work: Work, context: CallContext) => Promise<unknown>;
type Behaviour = (spec: ForeignSpec, ports: ForeignPorts) => Execute;

const behaviours: Readonly<Record<ForeignSpec['does'], Behaviour>> = {
  passes: () => (work, context) => work(context) as Promise<unknown>,
  awaits: () => async (work, context) => await work(context),
  'waits-before':
    ({ ms }, ports) =>
    async (work, context) => {
      await wait(ms, ports);
      return await work(context);
    },
  'waits-after':
    ({ ms }, ports) =>
    async (work, context) => {
      const value = await work(context);
      await wait(ms, ports);
      return value;
    },
  'tries-twice':
    ({ ms }, ports) =>
    async (work, context) => {
      try {
        return await work(context);
      } catch {
        await wait(ms, ports);
        return await work(context);
      }
    },
  swallows:
    (_spec, { value }) =>
    async (work, context) => {
      try {
        return await work(context);
      } catch {
        return value;
      }
    },
  derives:
    ({ ms }, { fraction }) =>
    async (work, context) =>
      await work(context.withTimeout(ms + fraction())),
  'forgets-context': () => async (work) => await (work as () => unknown)(),
  rejects:
    (_spec, { error }) =>
    async () => {
      throw error;
    },
  throws:
    (_spec, { error }) =>
    () => {
      throw error;
    },
  hedges:
    ({ ms }, ports) =>
    (work, context) => {
      const second = wait(ms, ports).then(() => work(context));
      return Promise.any([work(context), second]).catch((error: AggregateError) => {
        throw error.errors[0];
      });
    },
};

function wait(ms: number, { clock, fraction }: ForeignPorts): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, ms + fraction());
  });
}
