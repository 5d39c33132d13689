/**
 * Kernel breaks: ways in which what the policies stand on could be wrong.
 *
 * @module
 */

import type { Break } from './break.ts';

const handler = 'kernel/handler.ts';
const policy = 'kernel/policy.ts';
const pipeline = 'kernel/pipeline.ts';

/** Breaks of the engine, the pipeline, events and contexts. */
export const kernelBreaks: readonly Break[] = [
  {
    name: 'engine: run settles twice',
    file: handler,
    find: '  onEnd(cause: unknown): void {\n    if (this.settled) return;\n    this.settled = true;',
    replace: '  onEnd(cause: unknown): void {',
  },
  {
    name: 'engine: run outlives its context',
    file: handler,
    find: '    this.sink.reject(cause, UNREAD); // (2)\n',
    replace: '',
  },
  {
    name: 'engine: starts under a context that has ended',
    file: policy,
    find: 'if (looks ? scope.hasEndedBy(now) : scope.ended) root.refuse(scope.cause, now); // (3)\n  else ',
    replace: '',
  },
  {
    name: 'engine: context of a foreign policy dropped',
    file: policy,
    find: 'isContext(own) ? own : context',
    replace: 'context',
  },
  {
    name: 'engine: throw of the operation passes the layers by',
    file: handler,
    find: '    sink.reject(error, UNREAD);\n    return;',
    replace: '    queueMicrotask(() => sink.reject(error, UNREAD));\n    return;',
  },
  {
    name: 'pipeline: first policy innermost',
    file: pipeline,
    find: 'of policies.toReversed()',
    replace: 'of policies',
  },
  {
    name: 'pipeline: instant handed across clocks',
    file: pipeline,
    find: 'own !== clock) stage = new ForgetfulStage(stage); // (4)',
    replace: 'own !== clock && stage === undefined) stage = new ForgetfulStage(stage);',
  },
  {
    name: 'pipeline: refused calls counted as failures',
    file: pipeline,
    find: "if (isRejection(error)) return 'rejected';",
    replace: "if (isRejection(error)) return 'failure';",
  },
  {
    name: 'events: a throwing listener stops the others',
    file: 'kernel/events.ts',
    find: "        reportHookError('listener', error, event.name); // (1)",
    replace: '        return;',
  },
  {
    name: 'context: first cause does not win',
    file: 'kernel/cancel-scope.ts',
    find: '    if (!this.ended) this.endAt(',
    replace: '    this.hasEnded = false;\n    this.endAt(',
  },
  {
    name: 'context: derived one outlives its parent',
    file: 'kernel/cancel-scope.ts',
    find: 'if (this.parent?.join(this) === false)',
    replace: 'if (this.parent === this)',
  },
];
