import { describe, expect, it } from 'vitest';

import { onHookError } from '../kernel/hooks.ts';
import { addsUpWindows, nodeDefaults } from './node-settings.ts';

describe('addsUpWindows', () => {
  const settings = { ...nodeDefaults, node: 'a' };

  it('goes by the mode of the node', () => {
    expect(addsUpWindows(settings, 'prices')).toBe(false);
    expect(addsUpWindows({ ...settings, mode: 'window' }, 'prices')).toBe(true);
  });

  it('goes by what a function says of the circuit', () => {
    const mode = (circuit: string) => (circuit === 'prices' ? 'window' : 'ruling');

    expect(addsUpWindows({ ...settings, mode }, 'prices')).toBe(true);
    expect(addsUpWindows({ ...settings, mode }, 'stock')).toBe(false);
  });

  it('lets nodes decide by themselves where the function throws, and reports it', () => {
    const told: unknown[] = [];
    const before = onHookError((error) => told.push(error.hook));
    const mode = (): never => {
      throw new Error('broken');
    };

    expect(addsUpWindows({ ...settings, mode }, 'prices')).toBe(false);
    onHookError(before);
    expect(told).toEqual(['mode']);
  });
});
