import { describe, expect, it } from 'vitest';

import { createEvents } from '../kernel/events.ts';
import { recordEvents } from './event-recorder.ts';

const event = (type: string) => ({ type, policy: 'retry', name: 'prices' });

describe('event recorder', () => {
  it('keeps events and their types in order, until it is stopped', () => {
    const source = createEvents();
    source.emit(event('retry.before'));
    const recorder = recordEvents(source);
    const [first, second] = [event('retry.scheduled'), event('retry.gave-up')];
    source.emit(first);
    source.emit(second);
    recorder.stop();
    source.emit(event('retry.after'));

    expect(recorder.events).toEqual([first, second]);
    expect(recorder.events[0]).toBe(first);
    expect(recorder.types).toEqual(['retry.scheduled', 'retry.gave-up']);
    expect(source.active).toBe(false);
  });
});
