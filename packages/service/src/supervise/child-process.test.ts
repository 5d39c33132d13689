import { EventEmitter } from 'node:events';

import { Context, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { type ChildProcessOptions, childProcess } from './child-process.ts';

class FakeChild extends EventEmitter {
  readonly pid: number | undefined;
  readonly stderr = new EventEmitter();
  readonly kill = vi.fn<(signal?: string) => void>();
  constructor(pid: number | undefined = 7) {
    super();
    this.pid = pid;
  }
}

function subject(options: ChildProcessOptions = {}, child = new FakeChild()) {
  const clock = virtualClock();
  const beat = vi.fn<() => void>();
  const context = Context.withClock(clock).withCancel();
  const run = { number: 1, isSafeMode: false, lastCrash: undefined, beat };
  const outcome = Promise.resolve(childProcess(() => child, { clock, ...options })(context, run)).then(
    () => 'returned',
    (error: unknown) => error,
  );
  return { clock, child, beat, context, outcome };
}

describe('childProcess', () => {
  it('(1) returns when the child has ended with 0, and fails otherwise, with code, signal and last output', async () => {
    const good = subject();
    good.child.emit('exit', 0, null);
    expect(await good.outcome).toBe('returned');

    const bad = subject();
    bad.child.stderr.emit('data', Buffer.from('starting\nTypeError: no'));
    bad.child.emit('exit', 3, null);
    bad.child.stderr.emit('data', Buffer.from(' such thing\n')); // the pipe is slower than the exit
    await bad.clock.advance(20);
    expect(await bad.outcome).toMatchObject({
      name: 'ChildExitError',
      code: 'CHILD_EXITED',
      exitCode: 3,
      signal: undefined,
      message: 'the child ended with code 3',
      lastOutput: ['starting', 'TypeError: no such thing'],
    });

    const killed = subject();
    killed.child.emit('exit', null, 'SIGKILL');
    await killed.clock.advance(20);
    expect(await killed.outcome).toMatchObject({ exitCode: undefined, signal: 'SIGKILL' });
  });

  it('(1) fails with the error of a start, and takes no late error of a signal for one', async () => {
    const error = new Error('ENOENT');
    const unborn = subject({}, new FakeChild(-1));
    Object.assign(unborn.child, { pid: undefined });
    unborn.child.emit('error', error);
    expect(await unborn.outcome).toBe(error);

    const living = subject();
    living.child.emit('error', error);
    living.child.emit('exit', 0, null);
    expect(await living.outcome).toBe('returned');
  });

  it('(2) asks the child to end, and kills it when it does not', async () => {
    const { child, context, clock, outcome } = subject({ killAfterMs: 100, stopSignal: 'SIGINT' });
    context.cancel();
    expect(child.kill.mock.calls).toEqual([['SIGINT']]);
    await clock.advance(99);
    expect(child.kill).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    expect(child.kill.mock.calls).toEqual([['SIGINT'], ['SIGKILL']]);
    child.emit('exit', null, 'SIGKILL');
    await clock.advance(20);
    expect(await outcome).toMatchObject({ signal: 'SIGKILL' });
  });

  it('(2) kills a child that could not be sent its signal', async () => {
    const { child, context, clock } = subject({ killAfterMs: 100 });
    const before = onHookError(() => {});
    child.kill.mockImplementationOnce(() => {
      throw new Error('EPERM');
    });
    await settle();
    context.cancel();
    await clock.advance(100);
    onHookError(before);

    expect(child.kill.mock.calls).toEqual([['SIGTERM'], ['SIGKILL']]);
  });

  it('(2) does not signal a child that has ended by itself', async () => {
    const { child, context, outcome } = subject();
    child.emit('exit', 0, null);
    await outcome;
    context.cancel();

    expect(child.kill).not.toHaveBeenCalled();
  });

  it('(3) remembers as many lines as asked, and takes messages for signs of life', async () => {
    const { child, beat, clock, outcome } = subject({ lastLineCount: 1 });
    child.stderr.emit('data', 'one\ntwo\n');
    child.emit('message', { hello: 1 });
    child.emit('exit', 1, null);
    await clock.advance(20);

    expect(await outcome).toMatchObject({ lastOutput: ['two'] });
    expect(beat).toHaveBeenCalledTimes(1);
    await settle();
  });

  it('refuses what it does not understand', () => {
    expect(() => childProcess(1 as never)).toThrow('childProcess spawn must be a function');
    expect(() => childProcess(() => new FakeChild(), { killAfterMs: -1 })).toThrow('childProcess.killAfterMs');
    expect(() => childProcess(() => new FakeChild(), { lastLineCount: 1.5 })).toThrow('childProcess.lastLineCount');
    for (const stopSignal of ['', 'SIGTREM', 'toString', 15])
      expect(() => childProcess(() => new FakeChild(), { stopSignal: stopSignal as never })).toThrow(
        'childProcess.stopSignal must be a signal of this platform',
      );
    const run = { number: 1, isSafeMode: false, lastCrash: undefined, beat: () => {} };
    expect(() => childProcess(() => ({}) as never)(Context.background, run)).toThrow(
      'childProcess spawn() must be a child process',
    );
  });
});
