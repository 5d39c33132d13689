import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type CancellableContext, Context } from '../../kernel/context.ts';
import { observe } from '../../testing/operation-table.ts';
import { settle } from '../../testing/virtual-clock.ts';
import { type Bulkhead, bulkhead } from './bulkhead.ts';

type Command =
  | { readonly kind: 'call'; readonly how: 'slow' | 'sync' | 'throws' }
  | { readonly kind: 'succeed' | 'fail' | 'cancel'; readonly index: number };

const commands = fc.array(
  fc.oneof(
    fc.constantFrom('slow', 'slow', 'slow', 'sync', 'throws').map((how): Command => ({ kind: 'call', how })),
    fc
      .tuple(fc.constantFrom('succeed', 'fail', 'cancel'), fc.nat(12))
      .map(([kind, index]): Command => ({ kind, index })),
  ),
  { maxLength: 40, size: 'max' },
);
const sizes = fc.record({ maxConcurrent: fc.integer({ min: 1, max: 4 }), maxQueued: fc.integer({ min: 0, max: 4 }) });

/** One call, seen from outside and from inside. */
interface Traced {
  readonly how: 'slow' | 'sync' | 'throws';
  readonly context: CancellableContext;
  readonly standing: ReturnType<typeof observe>;
  startedAs: number | undefined;
  finish: (failed: boolean) => void;
  /** What the model says of it. */
  expected: 'running' | 'queued' | 'refused' | 'done';
}

/** The real bulkhead beside a model that keeps lists and counts. */
class Trial {
  readonly calls: Traced[] = [];
  readonly policy: Bulkhead;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  starts = 0;
  running = 0;
  maxSeen = 0;

  constructor({ maxConcurrent, maxQueued }: { maxConcurrent: number; maxQueued: number }) {
    this.policy = bulkhead({ maxConcurrent, maxQueued });
    this.maxConcurrent = maxConcurrent;
    this.maxQueued = maxQueued;
  }

  async play(steps: readonly Command[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'call') this.#call(step.how);
      else
        this.#end(
          step.kind,
          this.calls.filter(({ expected }) => expected === 'running' || expected === 'queued')[step.index],
        );
      await settle();
      this.#startWaiting();
    }
  }

  expected(state: Traced['expected']): Traced[] {
    return this.calls.filter((call) => call.expected === state);
  }

  #call(how: Traced['how']): void {
    const context = Context.background.withCancel();
    const call: Traced = {
      how,
      context,
      standing: () => ({ status: 'pending' }),
      startedAs: undefined,
      finish: () => {},
      expected: this.#admission(how),
    };
    this.calls.push(call);
    Object.assign(call, { standing: observe(this.policy.execute(() => this.#run(call), context)) });
  }

  #admission(how: Traced['how']): Traced['expected'] {
    if (this.expected('running').length < this.maxConcurrent) return how === 'slow' ? 'running' : 'done';
    return this.expected('queued').length < this.maxQueued ? 'queued' : 'refused';
  }

  #run(call: Traced): unknown {
    call.startedAs = this.starts++;
    this.running++;
    this.maxSeen = Math.max(this.maxSeen, this.running);
    if (call.how === 'slow') {
      return new Promise((resolve, reject) => {
        call.finish = (failed) => {
          this.running--;
          if (failed) reject(new Error('failed'));
          else resolve('value');
        };
      });
    }
    this.running--;
    if (call.how === 'throws') throw new Error('failed');
    return 'value';
  }

  #end(kind: 'succeed' | 'fail' | 'cancel', call: Traced | undefined): void {
    if (call === undefined) return;
    if (kind === 'cancel') {
      if (call.expected === 'running') this.running--;
      call.context.cancel('enough');
    } else {
      if (call.expected !== 'running') return;
      call.finish(kind === 'fail');
    }
    call.expected = 'done';
  }

  #startWaiting(): void {
    for (const call of this.expected('queued')) {
      if (this.expected('running').length >= this.maxConcurrent) return;
      call.expected = call.how === 'slow' ? 'running' : 'done';
    }
  }
}

const runs = { numRuns: 500 };

describe('bulkhead, against a model that keeps lists', () => {
  it('bulkhead (1) runs at most maxConcurrent calls at once, and lets at most maxQueued wait', async () => {
    const property = fc.asyncProperty(sizes, commands, async (size, steps) => {
      const trial = new Trial(size);
      for (const step of steps) {
        await trial.play([step]);
        const { running, queued } = trial.policy.snapshot();
        expect(running).toBeLessThanOrEqual(size.maxConcurrent);
        expect(queued).toBeLessThanOrEqual(size.maxQueued);
      }
      expect(trial.maxSeen).toBeLessThanOrEqual(size.maxConcurrent);
    });
    await fc.assert(property, runs);
  });

  it('bulkhead (2), charter G5: conserves its permits, whatever becomes of the calls', async () => {
    const property = fc.asyncProperty(sizes, commands, async (size, steps) => {
      const trial = new Trial(size);
      await trial.play(steps);

      expect(trial.policy.snapshot()).toMatchObject({
        running: trial.expected('running').length,
        queued: trial.expected('queued').length,
        rejected: trial.expected('refused').length,
        ...size,
      });
      expect(trial.running).toBe(trial.expected('running').length);

      const unsettled = [...trial.expected('running'), ...trial.expected('queued')];
      for (const call of unsettled) call.context.cancel('over');
      await settle();
      expect(trial.policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    });
    await fc.assert(property, runs);
  });

  it('bulkhead (3) starts waiting calls in the order in which they came, as soon as a permit is free', async () => {
    const property = fc.asyncProperty(sizes, commands, async (size, steps) => {
      const trial = new Trial(size);
      for (const step of steps) {
        await trial.play([step]);
        for (const call of trial.expected('running')) expect(call.startedAs).toBeDefined();
        for (const call of trial.expected('queued')) expect(call.startedAs).toBeUndefined();
      }
      const started = trial.calls.filter(({ startedAs }) => startedAs !== undefined).map(({ startedAs }) => startedAs);
      expect(started).toEqual([...started].toSorted((one, other) => Number(one) - Number(other)));
    });
    await fc.assert(property, runs);
  });

  it('bulkhead (4) lets a waiting call go as soon as its context ends, and runs nothing for it', async () => {
    const property = fc.asyncProperty(sizes, commands, fc.nat(3), async (size, steps, index) => {
      const trial = new Trial(size);
      await trial.play(steps);
      const call = trial.expected('queued')[index];
      if (call === undefined) return;

      call.context.cancel('enough');
      await settle();
      expect(call.standing()).toEqual({ status: 'rejected', error: 'enough' });
      for (const running of trial.expected('running')) running.finish(false);
      await settle();
      expect(call.startedAs).toBeUndefined();
    });
    await fc.assert(property, runs);
  });
});
