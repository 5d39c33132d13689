import { describe, expect, it, onTestFinished } from 'vitest';

import { type VirtualClock, settle, virtualClock } from '@holdfast/core/testing';

import { ApiProblem } from './admin-client.ts';
import { type LinkState, followEvents } from './live-link.ts';

interface Opened {
  readonly lastId: string | undefined;
  readonly say: (text: string) => void;
  readonly end: () => void;
}

/** A link on virtual time; `refuse` says with what the next streams are refused. */
function openLink(refuse: () => ApiProblem | undefined = () => undefined) {
  const clock: VirtualClock = virtualClock();
  const opened: Opened[] = [];
  const states: LinkState[] = [];
  const told: string[] = [];
  const refused: ApiProblem[] = [];
  const looks = new Set<() => void>();
  let isSeen = true;
  const untilSeen = async (): Promise<void> => {
    if (isSeen) return;
    await new Promise<void>((resolve) => looks.add(resolve));
    await untilSeen();
  };
  const see = (isSeenNow: boolean): void => {
    isSeen = isSeenNow;
    for (const look of looks) look();
  };
  const watch = (lastId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
    const problem = refuse();
    if (problem !== undefined) return Promise.reject(problem);
    return Promise.resolve(
      new ReadableStream<Uint8Array>({
        start(controller) {
          signal.addEventListener('abort', () => controller.error(new Error('aborted')));
          const say = (text: string): void => controller.enqueue(new TextEncoder().encode(text));
          opened.push({ lastId, say, end: () => controller.close() });
        },
      }),
    );
  };
  const stop = followEvents({
    client: { watch },
    now: () => clock.now(),
    after: (ms, then) => {
      const timer = clock.setTimer(then, ms);
      return () => timer.cancel();
    },
    untilSeen,
    whenUnseen: (ms, then) => {
      const timers: { cancel(): void }[] = [];
      const look = (): void => {
        for (const timer of timers) timer.cancel();
        if (!isSeen) timers.push(clock.setTimer(then, ms));
      };
      looks.add(look);
      look();
      return () => {
        looks.delete(look);
        for (const timer of timers) timer.cancel();
      };
    },
    onState: (state) => states.push(state),
    onEvents: (events) => told.push(...events.map(({ type }) => type)),
    onRefused: (problem) => refused.push(problem),
  });
  onTestFinished(stop);
  return { clock, opened, states, told, refused, see, stop };
}

describe('followEvents', () => {
  it('(1) comes back after the last event that was heard', async () => {
    const { clock, opened, told } = openLink();
    await settle();
    opened[0]?.say('id: run-3\nevent: level\ndata: {}\n\n');
    await settle();
    opened[0]?.end();
    await settle();
    await clock.advance(500);

    expect(opened.map(({ lastId }) => lastId)).toEqual([undefined, 'run-3']);
    expect(told).toEqual(['level']);
  });

  it('(2) waits longer each time, up to five seconds, until it hears something', async () => {
    let isDown = true;
    const link = openLink(() => (isDown ? new ApiProblem('away', { status: 0, code: 'NO_ANSWER' }) : undefined));
    await settle();
    const waits = () => link.states.flatMap((state) => (state.kind === 'lost' ? [state.retryAtMs] : []));
    for (let second = 0; second < 20; second++) await link.clock.advance(1000);
    expect(waits().map((at, index, all) => at - (all[index - 1] ?? 0))).toEqual([
      500, 1000, 2000, 4000, 5000, 5000, 5000,
    ]);

    isDown = false;
    await link.clock.advance(5000);
    link.opened[0]?.say(':\n\n');
    await settle();
    link.opened[0]?.end();
    await settle();

    expect((waits().at(-1) ?? 0) - link.clock.now()).toBe(500);
  });

  it('(2) waits as long as the service asks for', async () => {
    const { states } = openLink(
      () => new ApiProblem('full', { status: 503, code: 'TOO_MANY_WATCHERS', retryAfterMs: 9000 }),
    );
    await settle();

    expect(states.at(-1)).toMatchObject({ kind: 'lost', retryAtMs: 9000, why: 'full' });
  });

  it('(3) takes a stream that is silent for 15 seconds for one that has ended', async () => {
    const { clock, opened, states } = openLink();
    await settle();
    await clock.advance(14_000);
    opened[0]?.say(':\n\n');
    await settle();
    await clock.advance(14_999);
    expect(states.at(-1)).toEqual({ kind: 'live' });

    await clock.advance(1);

    expect(states.at(-1)).toMatchObject({ kind: 'lost', sinceMs: 14_000 });
  });

  it('(4) does not try a token again that was refused', async () => {
    const { clock, refused, states } = openLink(() => new ApiProblem('no', { status: 401, code: 'UNAUTHORIZED' }));
    await settle();
    await clock.advance(60_000);

    expect(refused).toHaveLength(1);
    expect(states).toEqual([{ kind: 'connecting' }]);
  });

  it('stops when it is told to, also while it waits', async () => {
    const { clock, opened, stop } = openLink();
    await settle();
    opened[0]?.end();
    await settle();
    stop();
    await clock.advance(60_000);

    expect([opened.length, clock.pendingCount]).toEqual([1, 0]);
  });

  it('(5) needs no stream while nobody looks, and goes on after the last event where somebody does', async () => {
    const { clock, opened, states, see } = openLink();
    await settle();
    opened[0]?.say('id: run-3\nevent: level\ndata: {}\n\n');
    await settle();
    see(false);
    await clock.advance(9999);
    see(true); // it was a moment
    await clock.advance(5000);
    opened[0]?.say(':\n\n');
    await settle();
    expect([opened.length, states.map(({ kind }) => kind)]).toEqual([1, ['connecting', 'live']]);

    see(false);
    await clock.advance(60_000);
    expect([opened.length, states.map(({ kind }) => kind)]).toEqual([1, ['connecting', 'live', 'connecting']]);
    see(true);
    await settle();

    expect(opened.map(({ lastId }) => lastId)).toEqual([undefined, 'run-3']);
  });
});
