import { describe, expect, it } from 'vitest';

import { fallback } from '../policies/fallback/fallback.ts';
import { pipeline } from './pipeline.ts';

describe('root sink', () => {
  it.each(['value', 'error'])('(1) has counted a call, and told its meters, when its %s is seen', async (what) => {
    const policy = pipeline(fallback({ value: 'instead', handles: () => false }));
    const heard: string[] = [];
    policy.meterWith({ record: ({ outcome }) => heard.push(outcome) });
    const operation = () => (what === 'value' ? Promise.resolve(1) : Promise.reject(new Error('down')));

    const look = () => [policy.calls.running, policy.calls.success + policy.calls.failure, heard.length];
    const seen = await policy.execute(operation).then(look, look);

    expect(seen).toEqual([0, 1, 1]);
  });
});
