/** Rounds of evaluations, over a provider that fails, hangs and changes as a test wants it. */

import {
  ErrorCode,
  OpenFeature,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderStatus,
  type ResolutionDetails,
} from '@openfeature/server-sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { recordEvents, settle, virtualClock } from '@holdfast/core/testing';
import { type FeatureSpec, createDegradation, defineFeatures } from '@holdfast/degradation';

import { followFlags } from './follow-flags.ts';

type Answer = () => Promise<ResolutionDetails<string>>;

let domain = '';
let count = 0;
beforeEach(() => {
  domain = `test-${++count}`;
});
afterEach(() => OpenFeature.clearProviders());

const says =
  (value: string): Answer =>
  () =>
    Promise.resolve({ value });
const hangs: Answer = () => new Promise(() => {});
const fails: Answer = () => Promise.reject(new Error('the flag service is down'));
const isMissing: Answer = () => Promise.resolve({ value: 'full', errorCode: ErrorCode.FLAG_NOT_FOUND });

/** A provider whose answer to everything a test sets. */
function fakeProvider(answer: Answer) {
  const state = { answer, asked: [] as string[], running: 0, mostRunning: 0 };
  const events = new OpenFeatureEventEmitter();
  const none = () => Promise.reject(new Error('not asked here'));
  const provider: Provider = {
    metadata: { name: 'fake' },
    runsOn: 'server',
    events,
    async resolveStringEvaluation(key) {
      state.asked.push(key);
      state.mostRunning = Math.max(state.mostRunning, ++state.running);
      try {
        return await state.answer();
      } finally {
        state.running--;
      }
    },
    resolveBooleanEvaluation: none,
    resolveNumberEvaluation: none,
    resolveObjectEvaluation: none,
  };
  return { state, events, provider };
}

async function setUp(answer: Answer, { featureCount = 1 } = {}) {
  const fake = fakeProvider(answer);
  const spec: FeatureSpec = { modes: ['full', 'cached', 'off'] };
  const features = defineFeatures(
    Object.fromEntries(Array.from({ length: featureCount }, (_each, index) => [`f${index}`, spec])),
  );
  const clock = virtualClock();
  const degradation = createDegradation({ features, clock, wallClock: () => 0 });
  const recorder = recordEvents(degradation.events);
  await OpenFeature.setProviderAndWait(domain, fake.provider);
  const follower = followFlags({ degradation, client: OpenFeature.getClient(domain), clock, random: () => 0.5 });
  const mode = () => degradation.mode('f0');
  return { ...fake, clock, degradation, recorder, follower, mode };
}

describe('FeatureFollower', () => {
  it('asks again every minute, and so renews', async () => {
    const { state, clock, mode, degradation } = await setUp(says('cached'));

    await clock.advance(600_000);

    expect(state.asked).toHaveLength(11);
    expect(mode()).toBe('cached');
    expect(degradation.audit()).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ['fails', fails],
    ['hangs', hangs],
    ['names no mode', says('tiny')],
    ['gives rubbish', () => Promise.resolve(7 as never)],
    ['throws', (): never => { throw new Error('thrown'); }], // prettier-ignore
  ])('(1) keeps what was asked for until its expiry when the flag %s, and tells so once', async (_what, broken) => {
    const { state, clock, mode, recorder, follower } = await setUp(says('off'));
    await clock.advance(0);
    state.answer = broken;

    await clock.advance(179_999);
    expect(mode()).toBe('off');
    await clock.advance(1);

    expect(mode()).toBe('full');
    const failures = recorder.events.filter(({ type }) => type === 'feature.flag-failed');
    expect(failures).toMatchObject([{ policy: 'feature', name: 'f0', flag: 'f0', error: expect.any(Error) }]);
    expect(follower.status()[0]).toMatchObject({ mode: 'off', error: expect.any(Error) });

    state.answer = says('cached');
    await clock.advance(66_000);
    expect(mode()).toBe('cached');
    expect(follower.status()[0]).toMatchObject({ mode: 'cached', error: undefined });
  });

  it.each<[string, Answer]>([
    ['is not there any more', isMissing],
    ['names the best mode', says('full')],
  ])('(2) asks for nothing when the flag %s', async (_what, answer) => {
    const { state, events, clock, mode, follower } = await setUp(says('off'));
    await clock.advance(100);
    state.answer = answer;

    events.emit(ProviderEvents.ConfigurationChanged, {});
    await clock.advance(0);

    expect(mode()).toBe('full');
    expect(follower.status()[0]).toMatchObject({ mode: undefined, error: undefined });
  });

  it('(3) evaluates ten at a time, all of them once at the start', async () => {
    const { state, clock } = await setUp(says('off'), { featureCount: 25 });
    await clock.advance(0);

    expect(state.asked).toEqual(Array.from({ length: 25 }, (_each, index) => `f${index}`));
    expect(state.mostRunning).toBe(10);
  });

  it('(3) runs one round at a time, however often a provider tells of changes', async () => {
    const { state, events, clock } = await setUp(says('off'));
    await clock.advance(0);
    for (let told = 0; told < 100; told++) {
      events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: ['f0'] });
      await clock.advance(2);
    }
    await clock.advance(100);

    expect(state.asked).toHaveLength(3);
    expect(state.mostRunning).toBe(1);
  });

  it('(3) gives up an evaluation after its time, and goes on with what came meanwhile', async () => {
    const { state, events, clock, mode, recorder } = await setUp(hangs);
    await clock.advance(4999);
    events.emit(ProviderEvents.ConfigurationChanged, {});
    state.answer = says('off');
    expect([recorder.types, state.asked.length]).toEqual([[], 1]);

    await clock.advance(1);

    expect(recorder.types).toEqual(['feature.flag-failed', 'feature.changed']);
    expect(recorder.events[0]).toMatchObject({ error: { message: 'f0 was not evaluated within 5000 ms' } });
    expect(mode()).toBe('off');
  });

  it('evaluates only what changed, where the provider says what that is', async () => {
    const { state, events, clock } = await setUp(says('off'), { featureCount: 3 });
    await clock.advance(100);
    state.asked.length = 0;

    events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: ['f1', 'another'] });
    await clock.advance(0);
    expect(state.asked).toEqual(['f1']);
    events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: ['another'] });
    await clock.advance(100);

    expect(state.asked).toEqual(['f1']);
  });

  it('is ready after 500 ms, whatever the provider does', async () => {
    const { follower, clock } = await setUp(hangs);
    let isReady = false;
    void follower.ready.then(() => (isReady = true));

    await clock.advance(499);
    expect(isReady).toBe(false);
    await clock.advance(1);

    expect(isReady).toBe(true);
  });

  it('hears of a provider that becomes ready later, or again', async () => {
    const { state, events, clock, mode } = await setUp(fails);
    await clock.advance(100);
    state.answer = says('cached');

    events.emit(ProviderEvents.Ready);
    await clock.advance(0);

    expect(mode()).toBe('cached');
  });

  it('follows the provider that takes the place of another', async () => {
    const { clock, mode } = await setUp(says('cached'));
    await clock.advance(100);

    await OpenFeature.setProviderAndWait(domain, fakeProvider(says('off')).provider);
    await clock.advance(0);

    expect(mode()).toBe('off');
  });

  it('(4) has no timer and no handler after stop, and what was asked for ends by itself', async () => {
    const { state, events, clock, mode, follower, degradation } = await setUp(says('off'));
    await clock.advance(0);
    const client = OpenFeature.getClient(domain);

    follower.stop();
    follower.stop();
    events.emit(ProviderEvents.ConfigurationChanged, {});
    await clock.advance(100_000);

    expect(state.asked).toHaveLength(1);
    expect(client.getHandlers(ProviderEvents.ConfigurationChanged)).toEqual([]);
    expect(client.getHandlers(ProviderEvents.Ready)).toEqual([]);
    expect(mode()).toBe('off');
    await clock.advance(80_000);
    expect(mode()).toBe('full');
    degradation.close();
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) takes no answer that comes after stop', async () => {
    let answer: (details: ResolutionDetails<string>) => void = () => {};
    const { clock, mode, follower, recorder } = await setUp(() => new Promise((resolve) => (answer = resolve)));
    await clock.advance(0);

    follower.stop();
    answer({ value: 'off' });
    await settle();

    expect(mode()).toBe('full');
    expect(recorder.types).toEqual([]);
    await follower.ready;
  });

  it('stops when the degradation is closed', async () => {
    const { state, clock, degradation } = await setUp(says('off'));
    await clock.advance(0);

    degradation.close();
    await clock.advance(60_000);

    expect(state.asked).toHaveLength(2);
    expect(clock.pendingCount).toBe(0);
  });

  it('keeps no process alive, but for whoever waits until it is ready', async () => {
    const { clock } = await setUp(says('off'));
    expect(clock.referencedCount).toBe(1);
    await clock.advance(0);

    expect(clock.referencedCount).toBe(0);
    expect(OpenFeature.getClient(domain).providerStatus).toBe(ProviderStatus.READY);
  });
});
