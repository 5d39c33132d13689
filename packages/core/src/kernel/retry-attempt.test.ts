import { describe, expect, it } from 'vitest';

import { Context, contextKey } from './context.ts';
import { OpenTryMark, retryAttemptOf, tryMarkOf, withTryMark } from './retry-attempt.ts';

describe('retry attempt', () => {
  const outer = new OpenTryMark({ policy: 'outer', attempt: 2 }, true);
  const context = withTryMark(Context.background, outer);

  it('is that of the innermost retry, and none outside of any', () => {
    const inner = new OpenTryMark({ policy: 'inner', attempt: 1 }, true);

    expect(retryAttemptOf(Context.background)).toBeUndefined();
    expect(retryAttemptOf(context)).toBe(outer.attempt);
    expect(tryMarkOf(context)).toBe(outer);
    expect(retryAttemptOf(withTryMark(context.withCancel(), inner))).toBe(inner.attempt);
    expect(String(context)).toContain('retry attempt');
  });

  it('is none under withoutCancel, which keeps every other value', () => {
    const [before, after] = [contextKey<string>('before'), contextKey<string>('after')];
    const marked = withTryMark(Context.background.withValue(before, 'one'), outer).withValue(after, 'two');
    const loose = marked.withoutCancel();

    expect([retryAttemptOf(loose), tryMarkOf(loose)]).toEqual([undefined, undefined]);
    expect([loose.value(before), loose.value(after)]).toEqual(['one', 'two']);
    expect(String(loose)).toBe('Context(live; values: after, before)');
    expect(retryAttemptOf(marked)).toBe(outer.attempt);
  });

  it('(1) is in force when it is made', () => {
    expect(new OpenTryMark({ policy: 'retry', attempt: 1 }, false)).toMatchObject({ isInForce: true, isRepeat: false });
  });
});
