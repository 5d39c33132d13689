/**
 * Stage: a handler as an object, for the layers that stand in the way of most calls.
 *
 * V8 inlines a call of a method where it has seen up to four classes, and a call of a function only where it has seen one. A
 * process has several pipelines, so what is inside a layer is not always the same, and calls of handlers stay calls. Stages
 * are therefore what is fused; a layer that knows nothing of them gets handlers and is wrapped.
 *
 * Invariants
 *  (1) A stage does what its handler does, and the other way round: which of the two is called changes nothing.
 *  (2) What was wrapped is unwrapped again: a handler that was made a stage of is that stage's handler.
 *
 * @module
 */

import type { Context } from './context.ts';
import { type Handler, type Layer, type Operation, type Sink, invoke } from './handler.ts';

/** Runs an operation and reports its outcome, as a {@link Handler} does. */
export interface Stage {
  handle(operation: Operation, context: Context, sink: Sink, now: number): void;
}

/** Makes the stage of a policy around the stage inside it. */
export type StageLayer = (inner: Stage) => Stage;

/** Returns the stage of a handler. */
export function stageOf(handler: Handler): Stage {
  return handler === invoke ? invocation : new HandlerStage(handler);
}

/** Returns the handler of a stage. */
export function handlerOf(stage: Stage): Handler {
  if (stage === invocation) return invoke;
  if (stage instanceof HandlerStage) return stage.handler; // (2)
  return (operation, context, sink, now) => stage.handle(operation, context, sink, now);
}

/** Returns the layer whose handlers are those of the stages that `stages` makes. */
export function layerOfStages(stages: StageLayer): Layer {
  return (inner) => handlerOf(stages(stageOf(inner)));
}

/** Returns what makes the stages of a layer that knows handlers only. */
export function stagesOfLayer(layer: Layer): StageLayer {
  return (inner) => stageOf(layer(handlerOf(inner)));
}

// --- internal ---

class Invocation implements Stage {
  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    invoke(operation, context, sink, now);
  }
}

class HandlerStage implements Stage {
  readonly handler: Handler;

  constructor(handler: Handler) {
    this.handler = handler;
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    this.handler(operation, context, sink, now);
  }
}

/** The innermost stage: `invoke`. */
export const invocation: Stage = new Invocation();
