import { Context, createEvents, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { createTracker } from '../tracker/tracker.ts';
import { workerPool } from '../worker-pool/worker-pool.ts';
import type { Component } from './component.ts';
import { type LifecycleOptions, createLifecycle } from './lifecycle.ts';
import type { ProcessPort } from './process-port.ts';

/** A process that notes what is done to it. */
function fakeProcess() {
  const listeners = new Map<string, (...details: unknown[]) => void>();
  const exits: number[] = [];
  const port: ProcessPort = {
    on: (event, listener) => listeners.set(event, listener),
    off: (event) => listeners.delete(event),
    exit: (code) => exits.push(code),
  };
  const emit = (event: string, ...details: unknown[]): void => listeners.get(event)?.(...details);
  return { port, exits, listeners, emit };
}

function subject(options: LifecycleOptions = {}) {
  const clock = virtualClock();
  const process = fakeProcess();
  const events = createEvents();
  const log: string[] = [];
  events.listen(({ type }) => log.push(type.replace('lifecycle.', '')));
  const life = createLifecycle({
    clock,
    events,
    process: process.port,
    notReadyForMs: 0,
    stopTimeoutMs: 1000,
    ...options,
  });
  const part = (name: string, dependsOn: readonly string[] = [], rest: Partial<Component> = {}): Component => ({
    name,
    dependsOn,
    start: () => void log.push(`${name} starts`),
    close: () => void log.push(`${name} closes`),
    ...rest,
  });
  return { clock, process, log, life, part, root: Context.withClock(clock) };
}

const boom = new Error('boom');

describe('createLifecycle', () => {
  it('takes a component as it was when it was added, and calls it as its own', async () => {
    const { life, log } = subject();
    class Database {
      name = 'database';
      dependsOn = ['config'];
      start(): void {
        log.push(`${this.name} starts`);
      }
      close: unknown = () => void log.push('closes');
    }
    const database = new Database();
    life.add(database as Component).add({ name: 'config' });
    Object.assign(database, { name: 'renamed', close: 5 });
    database.dependsOn.push('nothing');
    await life.start();
    const { steps } = await life.stop();

    expect(log).toEqual(expect.arrayContaining(['renamed starts', 'closes']));
    expect(steps).toMatchObject([{ component: 'database', kind: 'close', outcome: 'done' }]);
  });

  it('ends what had been started when a start throws what has no text', async () => {
    const { life, part } = subject();
    const thrown = Object.create(null) as object;
    life.add(part('a', [], { start: () => Promise.reject(thrown) })); // oxlint-disable-line typescript/prefer-promise-reject-errors -- that is the case

    await expect(life.start()).rejects.toMatchObject({ code: 'START_FAILED', cause: thrown });
  });

  it('ends the context of the starts when all have started, and that of the caller lives on', async () => {
    const { life, part, root } = subject();
    const contexts: Context[] = [];
    const start = (context: Context) => void contexts.push(context);
    let wasEnded: boolean | undefined = undefined;
    const second = () => void (wasEnded = contexts[0]?.cancelled);
    const caller = root.withCancel();
    await life
      .add(part('a', [], { start }))
      .add(part('b', [], { start: second }))
      .start(caller);

    expect(wasEnded).toBe(false); // not before all have
    expect(contexts[0]).toMatchObject({ cancelled: true, cause: { message: 'the start is over' } });
    expect(caller.cancelled).toBe(false);
    await life.stop();
  });

  it('stops also where a start waits for that, and stopping may take for ever', async () => {
    const { life, part, clock } = subject({ stopTimeoutMs: Infinity });
    const started = life
      .add(part('a', [], { start: () => life.stop() }))
      .start()
      .catch((error: unknown) => error);
    await clock.advance(5000);

    expect(await started).toMatchObject({ code: 'START_FAILED', component: 'a' });
    expect(life.state).toBe('stopped');
  });

  it('(1) starts in the order of the dependencies and closes in reverse', async () => {
    const { life, part, log } = subject();
    life
      .add(part('http', ['database', 'cache']))
      .add(part('cache'))
      .add(part('database'));
    expect([life.state, life.isReady, life.hasStarted]).toEqual(['new', false, false]);
    await life.start();
    expect([life.state, life.isReady, life.hasStarted]).toEqual(['running', true, true]);
    const stopping = life.stop('deploy');
    expect([life.state, life.isReady, life.hasStarted]).toEqual(['stopping', false, true]);
    const report = await stopping;

    expect(life.state).toBe('stopped');
    expect(log.filter((line) => / (?:starts|closes)$/.test(line))).toEqual([
      'cache starts',
      'database starts',
      'http starts',
      'http closes',
      'database closes',
      'cache closes',
    ]);
    expect(report).toMatchObject({ isComplete: true, exitCode: 0, reason: { kind: 'asked', text: 'deploy' } });
    expect(log.filter((line) => !line.includes(' '))).toEqual([
      'component-started',
      'component-started',
      'component-started',
      'started',
      'stopping',
      'step-ended',
      'step-ended',
      'step-ended',
      'stopped',
    ]);
  });

  it('(1) closes a component whose start succeeded when nobody waited for it any more', async () => {
    const { life, part, log, clock } = subject({ startTimeoutMs: 100 });
    let finish: () => void = () => {};
    life.add(part('slow', [], { start: () => new Promise<void>((resolve) => (finish = resolve)) }));
    const starting = life.start().catch((error: unknown) => error);
    await clock.advance(300); // its time, and a fifth of that for stopping to heed its end
    expect(await starting).toMatchObject({ code: 'START_FAILED', component: 'slow', cause: { name: 'TimeoutError' } });
    expect(log).not.toContain('slow closes');
    finish();
    await settle();

    expect(log.filter((line) => line === 'slow closes')).toHaveLength(1);
  });

  it('(2) unwinds what has started when a start fails, and starts nothing more', async () => {
    const { life, part, log } = subject();
    life.add(part('database'));
    life.add(part('cache', ['database'], { start: () => Promise.reject(boom) }));
    life.add(part('http', ['cache']));
    const error: unknown = await life.start().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ name: 'StartFailedError', code: 'START_FAILED', component: 'cache', cause: boom });
    expect(error).toMatchObject({ message: 'cache did not start: boom', report: { isComplete: true, exitCode: 1 } });
    expect(log.filter((line) => / (?:starts|closes)$/.test(line))).toEqual(['database starts', 'database closes']);
    expect(life.state).toBe('stopped');
  });

  it('(2) breaks a start off when it is stopped, or its context ends', async () => {
    const { life, part, log } = subject();
    life.add(part('database'));
    life.add(part('slow', [], { start: (context) => new Promise((_, reject) => void context.onCancel(reject)) }));
    const starting = life.start().catch((thrown: unknown) => thrown);
    await settle();
    const report = await life.stop();

    expect(await starting).toMatchObject({ code: 'START_FAILED', component: 'slow', report });
    expect(log.filter((line) => line.endsWith(' closes'))).toEqual(['database closes']);

    const other = subject();
    other.life.add(other.part('slow', [], { start: () => new Promise(() => {}) }));
    const late = other.life.start(other.root.withTimeout(50)).catch((thrown: unknown) => thrown);
    await other.clock.advance(250);
    expect(await late).toMatchObject({ cause: { name: 'TimeoutError' } });
  });

  it('(3), charter B2: stops once, whoever asks, and never rejects', async () => {
    const { life, part } = subject();
    life.add(part('a', [], { close: () => Promise.reject(boom) }));
    await life.start();
    const first = life.stop();

    expect(life.stop('again')).toBe(first);
    expect(await first).toBe(await life.stopped);
    expect(await first).toMatchObject({ isComplete: false, exitCode: 1 });
    await life[Symbol.asyncDispose]();
  });

  it('(3) may be stopped before it is started, and cannot be started then', async () => {
    const { life, part, log } = subject();
    life.add(part('a'));

    expect(await life.stop()).toMatchObject({ isComplete: true, steps: [] });
    await expect(life.start()).rejects.toThrow('has been started or stopped before');
    expect(log).toEqual(['stopping', 'stopped']);
  });

  it('(4), process watch (2): takes a signal: not ready at once, serving for a while, then drained, closed and ended', async () => {
    const { life, part, process, clock, log } = subject({ notReadyForMs: 200 });
    life.add(part('http', [], { drain: () => void log.push(`drains at ${clock.now()}`) }));
    await life.start();
    process.emit('SIGTERM');
    expect(life.isReady).toBe(false);
    await clock.advance(199);
    expect(log).not.toContain('drains at 200');
    await clock.advance(1);
    expect(log).toContain('drains at 200');
    expect(await life.stopped).toMatchObject({ reason: { kind: 'signal', signal: 'SIGTERM' }, exitCode: 0 });
    expect(process.port.exitCode).toBe(0);
    expect(process.exits).toEqual([]);
    expect(clock.referencedCount).toBe(0); // the process ends by itself, if nothing else holds it
    await clock.advance(200);

    expect(process.exits).toEqual([0]);
  });

  it('(4), process watch (1): ends the process in time, with 1, when a component hangs', async () => {
    const { life, part, process, clock } = subject();
    life.add(part('http', [], { drain: () => new Promise(() => {}), close: () => new Promise(() => {}) }));
    await life.start();
    process.emit('SIGINT');
    await clock.advance(1200);

    expect(process.exits).toEqual([1]);
  });

  it('process watch (1), (3): leaves a process alone that was stopped by its own code', async () => {
    const { life, process, clock } = subject();
    await life.start();
    expect([...process.listeners.keys()]).toEqual(['SIGTERM', 'SIGINT', 'uncaughtException']);
    await life.stop();
    await clock.advance(10_000);

    expect(process.listeners.size).toBe(0);
    expect(process.exits).toEqual([]);
    expect(process.port.exitCode).toBeUndefined();
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ])('(5) a second signal, %s, ends the process at once', async (signal, code) => {
    const { life, part, process, clock, log } = subject({ signalEchoMs: 250 });
    life.add(part('http', [], { drain: () => new Promise(() => {}) }));
    await life.start();
    process.emit('SIGTERM');
    await clock.advance(250);
    process.emit(signal); // npm's echo of the first
    expect(process.exits).toEqual([]);
    await clock.advance(1);
    process.emit(signal);

    expect(process.exits).toEqual([code]);
    expect(log.at(-1)).toBe('forced');
  });

  it('(5) takes a signal while it starts', async () => {
    const { life, part, process, clock, log } = subject();
    life.add(part('slow', [], { start: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 50)) }));
    life.add(part('http', ['slow']));
    const starting = life.start().catch((thrown: unknown) => thrown);
    await settle();
    process.emit('SIGTERM');
    await clock.advance(50);

    expect(await starting).toMatchObject({
      code: 'START_FAILED',
      component: 'slow',
      report: { reason: { kind: 'signal' } },
    });
    expect(log.filter((line) => line.includes(' '))).toEqual(['slow closes']);
    expect(process.port.exitCode).toBe(0);
  });

  it('(5) a second signal is never an echo where none is expected', async () => {
    const { life, process } = subject({ signalEchoMs: 0, notReadyForMs: 400 });
    await life.start();
    process.emit('SIGTERM');
    process.emit('SIGTERM');
    expect(process.exits).toEqual([143]);
  });

  it('stops after a fatal error: soon, with 1, and tells of it', async () => {
    const onFatal = vi.fn<(error: unknown, origin: string) => void>();
    const { life, part, process, clock } = subject({ notReadyForMs: 400, fatalTimeoutMs: 100, onFatal });
    life.add(part('http', [], { drain: () => new Promise(() => {}) }));
    await life.start();
    process.emit('uncaughtException', boom, 'unhandledRejection');
    await clock.advance(300);

    expect(onFatal.mock.calls).toEqual([[boom, 'unhandledRejection']]);
    expect((await life.stopped).durationMs).toBeLessThanOrEqual(100);
    expect(process.exits).toEqual([1]);
  });

  it('goes on serving for nobody after a fatal error, or when it never was ready', async () => {
    const { life, part, process, clock } = subject({ notReadyForMs: 400, fatalTimeoutMs: 200, onFatal: () => {} });
    life.add(part('http', [], { drain: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 50)) }));
    await life.start();
    process.emit('uncaughtException', boom);
    await clock.advance(50);
    expect(await life.stopped).toMatchObject({ isComplete: true, durationMs: 50 });

    const failing = subject({ notReadyForMs: 400 });
    failing.life.add(failing.part('a')).add(failing.part('b', [], { start: () => Promise.reject(boom) }));
    await expect(failing.life.start()).rejects.toMatchObject({ report: { durationMs: 0 } });
  });

  it('ends with 1 when a fatal error comes while it stops, and prints it', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook, cause }) => void reported.push([hook, cause]));
    const { life, part, process, clock } = subject();
    life.add(part('http', [], { drain: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 50)) }));
    await life.start();
    process.emit('SIGTERM');
    await clock.advance(10);
    process.emit('uncaughtException', boom, 'uncaughtException');
    await clock.advance(500);
    onHookError(before);

    expect(process.exits).toEqual([1]);
    expect(reported).toEqual([['uncaughtException', boom]]);
  });

  it('works without a process, and with nothing in it', async () => {
    const life = createLifecycle({ clock: virtualClock(), notReadyForMs: 0 });
    await life.start();

    expect(await life.stop()).toMatchObject({ isComplete: true, steps: [] });
  });

  it.each([
    [{ name: '' }, 'lifecycle.name must be a non-empty string'],
    [{ stopTimeoutMs: 0 }, 'lifecycle.stopTimeoutMs must be a number from 1'],
    [{ startTimeoutMs: -1 }, 'lifecycle.startTimeoutMs must be a number from 1'],
    [{ fatalTimeoutMs: 0 }, 'lifecycle.fatalTimeoutMs must be a number from 1'],
    [{ signalEchoMs: -1 }, 'lifecycle.signalEchoMs must be a number from 0'],
    [{ stopTimeoutMs: 1000, notReadyForMs: 501 }, 'lifecycle.notReadyForMs must be a number from 0 to 500'],
    [{ signals: ['TERM'] }, 'lifecycle.signals must be names of signals'],
    [{ process: {} }, 'lifecycle.process must be a process'],
    [{ onFatal: 1 }, 'lifecycle.onFatal must be a function'],
    [{ timeout: 1 }, 'lifecycle has no option "timeout"'],
  ])('refuses the options %j', (options, message) => {
    expect(() => createLifecycle(options as LifecycleOptions)).toThrow(message);
  });

  it('drains a tracker and a worker pool as they are, and they say whether they are idle', async () => {
    const { life, clock } = subject();
    const tracker = createTracker({ name: 'background', clock });
    const pool = workerPool({ name: 'thumbnails', clock });
    life.add(tracker).add(pool);
    await life.start();
    expect([tracker.isIdle(), pool.isIdle()]).toEqual([true, true]);
    tracker.go('audit', (context) => new Promise<void>((resolve) => void context.onCancel(() => resolve())));
    const made = pool.run(() => 'small');
    expect([tracker.isIdle(), pool.isIdle()]).toEqual([false, false]);

    const stopping = life.stop();
    await clock.advance(1000);

    expect(await made).toBe('small');
    expect((await stopping).steps.map(({ component, drained }) => [component, drained?.isComplete])).toEqual([
      ['thumbnails', true],
      ['background', true],
    ]);
    expect([tracker.isIdle(), pool.isIdle()]).toEqual([true, true]);
  });

  it.each([
    [null, 'lifecycle.add must be given a component'],
    [{ name: '' }, 'lifecycle.add name must be a non-empty string'],
    [{ name: 'a', close: 1 }, 'lifecycle.a.close must be a function'],
    [{ name: 'a', dependsOn: 'b' }, 'lifecycle.a.dependsOn must be names of components'],
    [{ name: 'taken' }, 'lifecycle.add name must be unique'],
    [
      { name: 'a', stop: () => {} },
      'lifecycle.a has no option "stop"; it knows close, dependsOn, drain, isIdle, name, quiesce, start',
    ],
  ])('refuses the component %j', (component, message) => {
    const { life } = subject();
    life.add({ name: 'taken' });

    expect(() => life.add(component as Component)).toThrow(message);
  });

  it('refuses a circle, a missing component and a second start, and can be started after the first two', async () => {
    const { life, part } = subject();
    life.add(part('http', ['database']));
    await expect(life.start(1 as never)).rejects.toThrow('lifecycle.start needs a Context');
    await expect(life.start()).rejects.toThrow('lifecycle.http.dependsOn must be names of components, got "database"');
    life.add(part('database'));
    await life.start();

    await expect(life.start()).rejects.toThrow('has been started or stopped before');
    expect(() => life.add(part('late'))).toThrow('late was added when the lifecycle had been started');
  });
});
