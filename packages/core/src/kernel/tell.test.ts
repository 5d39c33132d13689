import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Events, createEvents } from './events.ts';
import { onHookError } from './hooks.ts';
import { tellEvent } from './tell.ts';

const reported: string[] = [];
let before: ReturnType<typeof onHookError>;
beforeEach(() => {
  reported.length = 0;
  before = onHookError((error) => void reported.push(`${error.hook} of ${error.policy}: ${String(error.cause)}`));
});
afterEach(() => void onHookError(before));

const event = { type: 'tracker.failed', policy: 'tracker', name: 'mine' };

describe('tellEvent', () => {
  it('(1) reports what an Events throws, and goes on', () => {
    const hostile: Events = {
      active: true,
      listen: () => () => {},
      emit: () => {
        throw new Error('no');
      },
    };
    tellEvent(hostile, 'mine', () => event);

    expect(reported).toEqual(['events of mine: Error: no']);
  });

  it('(2) builds no event without a listener', () => {
    const build = vi.fn<() => typeof event>(() => event);
    const events = createEvents();
    tellEvent(undefined, 'mine', build);
    tellEvent(events, 'mine', build);
    expect(build).not.toHaveBeenCalled();

    const heard = vi.fn<(event: object) => void>();
    events.listen(heard);
    tellEvent(events, 'mine', build);
    expect(heard).toHaveBeenCalledWith(event);
  });
});
