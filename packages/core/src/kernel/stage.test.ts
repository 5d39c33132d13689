import { describe, expect, it } from 'vitest';

import { UNREAD } from './clock.ts';
import { Context } from './context.ts';
import { type Handler, invoke } from './handler.ts';
import { createPolicy, createStagedPolicy, stagesOf } from './policy.ts';
import { type Stage, handlerOf, invocation, layerOfStages, stageOf, stagesOfLayer } from './stage.ts';

const operation = (): number => 42;
const context = Context.background.withCancel();

/** A sink that notes what it is told. */
function noting() {
  const told: unknown[] = [];
  const note =
    (how: string) =>
    (outcome: unknown, now: number): unknown =>
      told.push([how, outcome, now]);
  return { told, sink: { resolve: note('resolve'), reject: note('reject'), refuse: note('refuse') } };
}

/** A stage that notes what it is given, and goes on. */
class NotingStage implements Stage {
  readonly given: unknown[] = [];
  readonly inner: Stage;

  constructor(inner: Stage) {
    this.inner = inner;
  }

  handle(...call: Parameters<Handler>): void {
    this.given.push(call);
    this.inner.handle(...call);
  }
}

describe('stages', () => {
  it('(1) do what their handlers do, with all that they are given, and the other way round', () => {
    const { told, sink } = noting();
    const stage = new NotingStage(invocation);

    handlerOf(stage)(operation, context, sink, 7);
    stageOf(handlerOf(stage)).handle(operation, context, sink, 8);

    expect(stage.given).toEqual([7, 8].map((now) => [operation, context, sink, now]));
    expect(told).toEqual([
      ['resolve', 42, UNREAD],
      ['resolve', 42, UNREAD],
    ]);
  });

  it('(2) are unwrapped where they were made of handlers', () => {
    const handler: Handler = () => {};

    expect(handlerOf(stageOf(handler))).toBe(handler);
    expect(handlerOf(invocation)).toBe(invoke);
    expect(stageOf(invoke)).toBe(invocation);
  });

  it.each(['stages', 'a layer'])('of a policy made of %s are around what is inside, as its layer is', (kind) => {
    const made: NotingStage[] = [];
    const stages = (inner: Stage): Stage => {
      const stage = new NotingStage(inner);
      made.push(stage);
      return stage;
    };
    const named = { kind: 'test', name: 'test' };
    const policy =
      kind === 'stages'
        ? createStagedPolicy({ ...named, stages })
        : createPolicy({ ...named, layer: layerOfStages(stages) });
    const { told, sink } = noting();
    const inside = new NotingStage(invocation);
    made.length = 0; // the policy has made its own

    stagesOf(policy)(inside).handle(operation, context, sink, 7);
    policy.layer(handlerOf(inside))(operation, context, sink, 8);

    expect(made.map(({ given }) => given)).toEqual([7, 8].map((now) => [[operation, context, sink, now]]));
    expect(inside.given).toHaveLength(2);
    expect(told).toHaveLength(2);
  });

  it('of a layer that adds nothing are what is inside', () => {
    const handler: Handler = () => {};
    const stages = stagesOfLayer((inner) => inner);

    expect(stages(invocation)).toBe(invocation);
    expect(handlerOf(stages(stageOf(handler)))).toBe(handler);
  });
});
