import { createRegistry, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import type { OutboxSource } from './service-source.ts';
import { LineRegister, lineExporter } from './testing/line-exporter.ts';

const counts = { waiting: 3, taken: 1, dead: 2 };

function scrapeOf(outboxes: Readonly<Record<string, OutboxSource>>) {
  const clock = virtualClock();
  const register = new LineRegister();
  const exporter = lineExporter({ register, registry: createRegistry({ clock }), outboxes });
  const scrape = async () => {
    const lines = (await register.metrics()).split('\n').filter((line) => line.startsWith('holdfast_outbox'));
    return lines.map((line) => line.replace('holdfast_outbox_', ''));
  };
  return { clock, exporter, scrape };
}

describe('outbox reader', () => {
  it('shows what outboxes hold and how old the first in line is, where they know', async () => {
    const { clock, scrape } = scrapeOf({
      orders: { count: () => Promise.resolve(counts), firstAgeMs: () => Promise.resolve(1500) },
      mails: { count: () => ({ ...counts, firstAgeMs: undefined }) },
    });

    expect(await scrape()).toEqual([
      'items{name="orders",state="waiting"} 3',
      'items{name="orders",state="taken"} 1',
      'items{name="orders",state="dead"} 2',
      'items{name="mails",state="waiting"} 3',
      'items{name="mails",state="taken"} 1',
      'items{name="mails",state="dead"} 2',
      'first_age_seconds{name="orders"} 1.5',
    ]);
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) leaves out what fails or does not answer within a second, and shows the others', async () => {
    const reported: unknown[] = [];
    onHookError(({ policy, cause }) => reported.push([policy, (cause as Error).message]));
    const { clock, scrape } = scrapeOf({
      broken: { count: () => Promise.reject(new Error('away')) },
      thrown: {
        count: () => {
          throw new Error('at once');
        },
      },
      odd: { count: () => ({ ...counts, waiting: Number.NaN }) },
      slow: { count: () => new Promise(() => {}) },
      fine: { count: () => counts },
    });
    const scraped = scrape();
    await clock.advance(1000);

    expect((await scraped).filter((line) => line.includes('waiting'))).toEqual([
      'items{name="fine",state="waiting"} 3',
    ]);
    expect(reported).toEqual(
      expect.arrayContaining([
        ['broken', 'away'],
        ['thrown', 'at once'],
        ['slow', 'the outbox has not answered within 1000 ms'],
        ['odd', expect.stringContaining('finite number') as string],
      ]),
    );
    expect(clock.pendingCount).toBe(0);
    onHookError(undefined);
  });

  it('(2) asks an outbox that does not answer once at a time, and again when it has', async () => {
    onHookError(() => {});
    let asked = 0;
    let answer: (value: typeof counts) => void = () => {};
    const count = () => new Promise<typeof counts>((resolve) => (asked++, (answer = resolve)));
    const { clock, scrape, exporter } = scrapeOf({ orders: { count } });
    for (let round = 0; round < 3; round++) {
      const scraped = scrape();
      await clock.advance(1000);
      expect(await scraped).toEqual([]);
    }
    expect(asked).toBe(1);
    answer(counts);
    await settle();
    const last = scrape();
    await settle();
    answer(counts);

    expect((await last).length).toBe(3);
    expect(asked).toBe(2);
    exporter.close();
    expect(await scrape()).toEqual([]);
    onHookError(undefined);
  });
});
