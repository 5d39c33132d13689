import { Context } from '@holdfast/core';
import { describe, expect, it, vi } from 'vitest';

import { ContextTie } from './context-tie.ts';

describe('a tie', () => {
  it('(1): has a listener on one context at most, and none once it is over', () => {
    const controllers = [new AbortController(), new AbortController()];
    const [first, second] = controllers.map(({ signal }) => Context.from(signal)) as [Context, Context];
    const unhooked: string[] = [];
    const watch = (context: Context, name: string): void => {
      const onCancel = context.onCancel.bind(context);
      vi.spyOn(context, 'onCancel').mockImplementation((listener) => {
        const unhook = onCancel(listener);
        return () => {
          unhooked.push(name);
          return unhook();
        };
      });
    };
    watch(first, 'first');
    watch(second, 'second');
    const tie = new ContextTie();
    const heard: unknown[] = [];
    tie.onAbort((cause) => heard.push(cause));

    tie.tieTo(first);
    tie.tieTo(second);
    expect(unhooked).toEqual(['first']);

    controllers[0]?.abort();
    expect(heard).toEqual([]);

    tie.release();
    controllers[1]?.abort();
    expect([unhooked, heard]).toEqual([['first', 'second'], []]);
  });

  it('(2): tells who comes late', () => {
    const tie = new ContextTie();
    const context = Context.background.withCancel();
    const cause = new Error('over');
    context.cancel(cause);
    tie.tieTo(context);
    const heard: unknown[] = [];

    tie.onAbort((told) => heard.push(told));

    expect([heard, tie.isOver]).toEqual([[cause], true]);
  });

  it('aborts once, and not after it was released', () => {
    const tie = new ContextTie();
    const heard: unknown[] = [];
    tie.onAbort((cause) => heard.push(cause));

    tie.abort(1);
    tie.abort(2);
    tie.release();
    tie.tieTo(Context.background);

    expect(heard).toEqual([1]);
  });
});
