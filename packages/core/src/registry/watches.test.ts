import { describe, expect, it } from 'vitest';

import { onHookError } from '../kernel/hooks.ts';
import { retry } from '../policies/retry/retry.ts';
import { createRegistry } from './registry.ts';

describe('watches', () => {
  it('(1) tells everything once and in order, also what a watch adds or removes itself', () => {
    const registry = createRegistry();
    const heard: string[] = [];
    registry.create(retry, { name: 'first' });
    registry.watch({
      added: (policy) => {
        if (policy.name === 'first') registry.create(retry, { name: 'second' });
        if (policy.name === 'brief') registry.remove(policy);
      },
      removed: () => {},
    });
    registry.watch({
      added: ({ name }) => heard.push(`+${name}`),
      removed: ({ name }) => heard.push(`-${name}`),
    });

    registry.create(retry, { name: 'brief' });

    expect(heard).toEqual(['+first', '+second', '+brief', '-brief']);
  });

  it('(1) tells a watch that adds of what it has added once', () => {
    const registry = createRegistry();
    const heard: string[] = [];
    registry.create(retry, { name: 'first' });

    registry.watch({
      added: ({ name }) => {
        if (heard.push(name) === 1) registry.create(retry, { name: 'second' });
      },
      removed: () => {},
    });

    expect(heard).toEqual(['first', 'second']);
  });

  it('(2) tells all but those that have ended, whatever the others throw', () => {
    const before = onHookError(() => {});
    const registry = createRegistry();
    const heard: string[] = [];
    const ends: (() => void)[] = [];
    registry.watch({
      added: () => {
        for (const end of ends) end();
        throw new Error('mine');
      },
      removed: () => {},
    });
    registry.watch({ added: ({ name }) => heard.push(`kept ${name}`), removed: () => {} });
    ends.push(registry.watch({ added: ({ name }) => heard.push(`ended ${name}`), removed: () => {} }));

    registry.create(retry, { name: 'first' });

    expect(heard).toEqual(['kept first']);
    onHookError(before);
  });
});
