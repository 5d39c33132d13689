import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { isTimeout } from './cancellation.ts';
import { type CancellableContext, Context, contextKey } from './context.ts';

/** How each node of a random tree is derived, and from which earlier node. */
type Derivation = { readonly from: number; readonly how: 'cancel' | 'value' | 'timeout'; readonly ms: number };
type Command =
  | { readonly kind: 'cancel' | 'watch' | 'signal'; readonly node: number }
  | { readonly kind: 'wait'; readonly ms: number };

const trees = fc.array(
  fc.record<Derivation>({
    from: fc.nat(99),
    how: fc.constantFrom('cancel', 'value', 'timeout'),
    ms: fc.integer({ min: 0, max: 100 }),
  }),
  { minLength: 1, maxLength: 30, size: 'max' },
);
const commands = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('cancel' as const, 'watch' as const, 'signal' as const), node: fc.nat(29) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40 }) }),
  ),
  { maxLength: 20, size: 'max' },
);

/** A node of the tree, and what a model that walks up to the root says of it. */
interface Node {
  readonly context: Context;
  readonly parent: Node | undefined;
  readonly deadline: number;
  readonly told: unknown[];
  cancelled: { readonly at: number; readonly order: number; readonly cause: unknown } | undefined;
}

class Forest {
  readonly clock: VirtualClock = virtualClock();
  readonly nodes: Node[];
  readonly key = contextKey<number>('depth');
  cancels = 0;

  constructor(tree: readonly Derivation[]) {
    const root = Context.withClock(this.clock).withCancel();
    this.nodes = [node(root, undefined, Infinity)];
    for (const { from, how, ms } of tree) {
      const parent = this.nodes[from % this.nodes.length] as Node;
      const deadline = how === 'timeout' ? Math.min(ms, parent.deadline) : parent.deadline;
      this.nodes.push(node(derive(parent.context, how, ms, this.key), parent, deadline));
    }
  }

  async play(step: Command): Promise<void> {
    if (step.kind === 'wait') return this.clock.advance(step.ms);
    const target = this.nodes[step.node % this.nodes.length] as Node;
    if (step.kind === 'signal') void target.context.signal;
    else if (step.kind === 'watch') target.context.onCancel((cause) => target.told.push(cause));
    else if ('cancel' in target.context) {
      const cause = { cancelled: step.node };
      const order = this.cancels++;
      if (this.endOf(target) === undefined) target.cancelled = { at: this.clock.now(), order, cause };
      (target.context as CancellableContext).cancel(cause);
    }
  }

  /** When and why a node ended: the earliest end on its way to the root. */
  endOf(target: Node): { cause: unknown } | undefined {
    const cancels = pathOf(target).flatMap(({ cancelled }) => (cancelled === undefined ? [] : [cancelled]));
    const [earliest] = cancels.toSorted((one, other) => one.order - other.order);
    const { deadline } = target;
    if (deadline > this.clock.now() || deadline > (earliest?.at ?? Infinity)) return earliest;
    return { cause: deadline === earliest?.at ? 'either' : 'deadline' };
  }
}

/** A node and all above it. */
function pathOf(target: Node | undefined): Node[] {
  return target === undefined ? [] : [target, ...pathOf(target.parent)];
}

function node(context: Context, parent: Node | undefined, deadline: number): Node {
  return { context, parent, deadline, told: [], cancelled: undefined };
}

function derive(
  parent: Context,
  how: Derivation['how'],
  ms: number,
  key: ReturnType<typeof contextKey<number>>,
): Context {
  if (how === 'timeout') return parent.withTimeout(ms);
  return how === 'cancel' ? parent.withCancel() : parent.withValue(key, (parent.value(key) ?? 0) + 1);
}

describe('context, as random trees', { timeout: 60_000 }, () => {
  it('context (1), (2), (3): ends each with the first cause from above, and no other', async () => {
    const property = fc.asyncProperty(trees, commands, async (tree, steps) => {
      const forest = new Forest(tree);
      for (const step of steps) {
        await forest.play(step);
        for (const each of forest.nodes) {
          const end = forest.endOf(each);
          expect(each.context.cancelled).toBe(end !== undefined);
          expect(each.context.deadline).toBe(each.deadline);
          if (end?.cause === 'either') continue;
          if (end?.cause === 'deadline') expect(isTimeout(each.context.cause)).toBe(true);
          else expect(each.context.cause).toBe(end?.cause);
        }
      }
      for (const { context } of forest.nodes) expect(context.signal.reason).toBe(context.cause);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('tells every watcher once, with the cause', async () => {
    const property = fc.asyncProperty(trees, commands, async (tree, steps) => {
      const forest = new Forest(tree);
      let watched = 0;
      for (const step of steps) {
        await forest.play(step);
        if (step.kind === 'watch') watched++;
      }
      const [root] = forest.nodes as [Node];
      (root.context as CancellableContext).cancel('over');
      expect(forest.nodes.flatMap(({ told }) => told)).toHaveLength(watched);
      for (const { context, told } of forest.nodes) expect(told.every((cause) => cause === context.cause)).toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('context (4) costs no timer while nobody watches, and none once nobody watches any more', async () => {
    const property = fc.asyncProperty(trees, fc.array(fc.nat(29)), async (tree, watched) => {
      const forest = new Forest(tree);
      expect(forest.clock.pendingCount).toBe(0);

      const stops = watched.map((index) =>
        (forest.nodes[index % forest.nodes.length] as Node).context.onCancel(() => {}),
      );
      for (const stop of stops) stop();
      expect(forest.clock.pendingCount).toBe(0);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
