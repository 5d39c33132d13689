import { describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { type CancellableContext, Context } from '../../kernel/context.ts';
import { type Handler, type Sink, invoke } from '../../kernel/handler.ts';
import { never } from '../../testing/operation-table.ts';
import { coalesce } from './coalesce.ts';

const make = () => coalesce({ keyOf: () => 'tea' });
const request = (): CancellableContext => Context.background.withCancel();

/** What is inside is played by hand: each run is a sink to report to. */
describe('a shared run of coalesce', () => {
  it('passes the instant of the outcome on to those who came through the same layers, and to no others', () => {
    const policy = make();
    const runs: Sink[] = [];
    const told: number[] = [];
    const tell = (_outcome: unknown, now: number): unknown => told.push(now);
    const call = (handler: Handler): void =>
      handler(never, request(), { resolve: tell, reject: tell, refuse: tell }, UNREAD);
    const here = policy.layer((_operation, _context, sink) => runs.push(sink));
    const elsewhere = policy.layer(invoke);

    for (const how of ['resolve', 'reject', 'refuse'] as const) {
      for (const handler of [here, elsewhere, here]) call(handler);
      runs.pop()?.[how]('outcome', 7);
    }

    expect(told).toEqual([7, UNREAD, 7, 7, UNREAD, 7, 7, UNREAD, 7]);
  });

  it.each(['resolve', 'reject', 'refuse'] as const)(
    '(2), (4) takes no notice when a run that was given up does %s, late',
    (how) => {
      const policy = make();
      const runs: Sink[] = [];
      const endings: unknown[] = [];
      const end = (outcome: unknown): unknown => endings.push(outcome);
      const handler = policy.layer((_operation, _context, sink) => runs.push(sink));
      const contexts = [request(), request()];
      const call = (context = request()): void =>
        handler(never, context, { resolve: end, reject: end, refuse: end }, UNREAD);

      call(contexts[0]);
      contexts[0]?.cancel('enough');
      call(contexts[1]);
      runs[0]?.[how]('late', UNREAD);
      expect(policy.snapshot().inFlight).toBe(1);
      runs[1]?.resolve('in time', UNREAD);
      expect(endings).toEqual(['enough', 'in time']);
    },
  );
});
