import { describe, expect, it } from 'vitest';

import { featureRows } from './feature-rows.ts';
import { loopOf } from './loop.ts';
import { measureRows } from './rounds.ts';
import { rows } from './rows.ts';
import { type Row, baselineOf, turnOperation, withBaselines } from './subject.ts';

const effort = { rounds: 3, batchMs: 1, warmUpMs: 1 };
const row = (name: string, baseline?: string): Row => ({
  name,
  title: name,
  ...(baseline === undefined ? {} : { baseline }),
  prepare: () => ({ run: () => Promise.resolve(1) }),
});

describe('the rows', () => {
  it('are each compared with one of them, and that one with itself', () => {
    for (const { name, ...rest } of rows) {
      const base = rows.find((other) => other.name === baselineOf({ name, ...rest }));
      expect([name, base && baselineOf(base)]).toEqual([name, base?.name]);
    }
  });

  it('across a turn have as many calls in flight as their baseline', () => {
    const across = rows.filter(({ name }) => name.endsWith('-turn'));

    expect(across.map(({ inFlightCount, baseline }) => [inFlightCount, baseline])).toEqual(
      across.map(() => [20, 'bare-turn']),
    );
    expect(across).toHaveLength(5);
  });

  it('are chosen with what they are compared with', () => {
    const all = [row('bare'), row('a'), row('b', 'c'), row('c', 'c')];

    expect(withBaselines(all, new Set(['b'])).map(({ name }) => name)).toEqual(['b', 'c']);
    expect(withBaselines(all, new Set(['a', 'c'])).map(({ name }) => name)).toEqual(['bare', 'a', 'c']);
  });
});

describe('measureRows', () => {
  it('compares each row with its own baseline', async () => {
    const measured = await measureRows([row('bare'), row('a'), row('b', 'c'), row('c', 'c')], effort);

    expect(measured.map(({ name, baseline }) => [name, baseline])).toEqual([
      ['bare', 'bare'],
      ['a', 'bare'],
      ['b', 'c'],
      ['c', 'c'],
    ]);
    expect(measured.filter(({ name }) => name === 'bare' || name === 'c').map(({ ratio }) => ratio.median)).toEqual([
      1, 1,
    ]);
  });

  it('refuses a row without its baseline', async () => {
    await expect(measureRows([row('bare'), row('b', 'c')], effort)).rejects.toThrow('the rows must include c, for b');
  });
});

describe('a loop', () => {
  it.each([
    [1, 7],
    [20, 105],
    [20, 3],
  ])('with %d in flight makes %d calls, and never more at once', async (laneCount, count) => {
    let running = 0;
    let most = 0;
    let total = 0;
    const run = async (): Promise<number> => {
      total++;
      most = Math.max(most, ++running);
      const one = await turnOperation();
      running--;
      return one;
    };

    await loopOf('counted', { run }, { laneCount })(count);

    expect([total, most]).toEqual([count, Math.min(laneCount, count)]);
  });

  it('throws when a result is missing', async () => {
    await expect(loopOf('lost', { run: () => 0 }, { laneCount: 2 })(4)).rejects.toThrow('lost: 4 calls gave 0');
  });
});

describe('the operation across a turn', () => {
  it('settles after all that this turn still does', async () => {
    const order: string[] = [];
    const settled = turnOperation().then(() => order.push('operation'));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    for (let hop = 0; hop < 100; hop++) await Promise.resolve();
    order.push('turn');
    await settled;

    expect(order).toEqual(['turn', 'operation']);
  });
});

describe('the rows of features', () => {
  it('do what they say, without waiting where nothing is awaited', async () => {
    for (const { name, prepare, isSync = false } of featureRows) {
      const subject = await prepare();
      await loopOf(name, subject, { isSync })(10);
      expect([name, subject.run() instanceof Promise]).toEqual([name, !isSync]);
      subject.close?.();
    }
  });

  it(
    'read for at most 0.2 of a bare call, and match for at most 0.5, with 1000 features',
    { timeout: 60_000 },
    async () => {
      const chosen = withBaselines(rows, new Set(['feature-read', 'feature-match']));

      const measured = await measureRows(chosen, { rounds: 15, batchMs: 4, warmUpMs: 50 });

      // Of the quickest batch of each: what else the machine does can only make one slower.
      const quickest = (name: string) => measured.find((one) => one.name === name)?.callNs.least as number;
      const ratioOf = (name: string) => quickest(name) / quickest('bare');
      expect(ratioOf('feature-read')).toBeLessThanOrEqual(0.2);
      expect(ratioOf('feature-match')).toBeLessThanOrEqual(0.5);
    },
  );
});
