import { Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { endOf, remainingMsOf, watchEnd } from './context-watch.ts';

const root = Context.background;

describe('watchEnd', () => {
  it('context-watch (1): tells of the first that ends, once', () => {
    const [one, other] = [root.withCancel(), root.withCancel()];
    const heard: unknown[] = [];
    watchEnd([one, other], (end) => heard.push(end.cause));

    other.cancel('second of the list');
    one.cancel('too late');

    expect(heard).toEqual(['second of the list']);
  });

  it('context-watch (1): tells at once of one that has ended, and watches no other', () => {
    const heard: unknown[] = [];
    const live = root.withCancel();

    watchEnd([root.withTimeout(0, 'over'), live], (end) => heard.push(end.cause))();
    live.cancel('later');

    expect(heard).toEqual(['over']);
  });

  it('context-watch (1): tells nothing after it was unhooked', () => {
    const context = root.withCancel();
    const heard: unknown[] = [];

    watchEnd([context], (end) => heard.push(end))();
    context.cancel();

    expect(heard).toEqual([]);
  });
});

it('endOf tells a cause that is false from no end', () => {
  expect(endOf([root, root.withCancel()])).toBeUndefined();
  expect(endOf([root, root.withTimeout(0, false)])).toEqual({ cause: false });
});

it('remainingMsOf is the least', () => {
  expect(remainingMsOf([])).toBe(Infinity);
  expect(remainingMsOf([root, root.withTimeout(0), root.withTimeout(1000)])).toBe(0);
});
