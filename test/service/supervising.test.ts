/**
 * Real children are killed, stopped and crash: they are restarted within their backoff, and a crash loop is recognised.
 *
 * @module
 */

import { spawn } from 'node:child_process';

import {
  ChildExitError,
  type CrashReport,
  type SuperviseOptions,
  type SupervisedRun,
  type Supervisor,
  childProcess,
  createQuarantine,
  supervise,
} from '@holdfast/service';
import { afterEach, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';

const supervisors: Supervisor[] = [];
afterEach(async () => {
  await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.drain()));
});

/** A child that lives until its parent does not, and gives a sign of life ten times a second. */
const steady = `process.on('disconnect', () => process.exit()); process.send('up'); setInterval(() => process.send('beat'), 100);`;

interface Born {
  readonly pid: number;
  readonly at: number;
  readonly run: SupervisedRun;
}

/** Supervises a child that runs `code`, which may ask for `run.isSafeMode` as `SAFE`. */
function subject(code: string, options: SuperviseOptions = {}) {
  const born: Born[] = [];
  const crashes: (CrashReport & { readonly at: number })[] = [];
  const body = childProcess(
    (run) => {
      const child = spawn(process.execPath, ['-e', code.replaceAll('SAFE', String(run.isSafeMode))], {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      child.once('message', () => born.push({ pid: child.pid ?? 0, at: performance.now(), run }));
      return child;
    },
    { killAfterMs: 200 },
  );
  const supervisor = supervise('child', body, {
    ...options,
    onCrash: (report) => void crashes.push({ ...report, at: performance.now() }),
  });
  supervisors.push(supervisor);
  supervisor.start();
  return { born, crashes, supervisor };
}

describe('a supervised child process', () => {
  it('is restarted within its backoff when it is killed with SIGKILL, again and again', async () => {
    const { born, crashes, supervisor } = subject(steady, { baseDelayMs: 200, maxDelayMs: 1000, maxRestarts: 10 });
    for (let kills = 0; kills < 4; kills++) {
      const { pid } = await eventually(() => born[kills], { what: `child ${kills + 1}`, limitMs: 30_000 });
      process.kill(pid, 'SIGKILL');
      const crash = await eventually(() => crashes[kills], { what: `crash ${kills + 1}`, limitMs: 30_000 });

      expect(crash).toMatchObject({ kind: 'failed', error: { code: 'CHILD_EXITED', signal: 'SIGKILL' } });
      expect(crash.restartInMs).toBeLessThanOrEqual(Math.min(1000, 200 * 2 ** kills));
    }
    const last = await eventually(() => born[4], { what: 'the fifth child', limitMs: 30_000 });

    // What the platform needs to start a process comes on top; on a slow machine that is a lot.
    for (const [index, crash] of crashes.entries()) {
      expect((born[index + 1]?.at ?? Infinity) - crash.at).toBeLessThan((crash.restartInMs ?? 0) + 10_000);
    }
    expect(new Set(born.map(({ pid }) => pid)).size).toBe(5);
    expect(supervisor.status()).toMatchObject({ state: 'running', runs: 5, crashes: 4 });
    await supervisor.drain();
    expect(() => process.kill(last.pid, 0)).toThrow('ESRCH');
  });

  it('that crashes in a loop is run in safe mode, and then given up, with what it has printed', async () => {
    const code = `console.error('safe mode: SAFE'); process.send('up', () => process.exit(3));`;
    const { born, crashes, supervisor } = subject(code, { baseDelayMs: 10, maxRestarts: 4, safeModeAfterCount: 2 });
    await eventually(() => supervisor.status().state === 'gave-up', { what: 'giving up', limitMs: 60_000 });

    expect(crashes.map(({ verdict }) => verdict)).toEqual([
      'restart',
      'safe-mode',
      'safe-mode',
      'safe-mode',
      'give-up',
    ]);
    expect(crashes.map(({ lastOutput }) => lastOutput)).toEqual([
      ['safe mode: false'],
      ['safe mode: false'],
      ['safe mode: true'],
      ['safe mode: true'],
      ['safe mode: true'],
    ]);
    expect(crashes.at(-1)?.error).toMatchObject({ exitCode: 3 });
    expect(born).toHaveLength(5);
  });

  it('in safe mode may be what saves it', async () => {
    const code = `if (!SAFE) process.exit(1); ${steady}`;
    const { born, supervisor } = subject(code, { baseDelayMs: 10, safeModeAfterCount: 2 });
    const [first] = await eventually(() => (born.length > 0 ? born : undefined), {
      what: 'a child that lives',
      limitMs: 60_000,
    });

    expect(first?.run).toMatchObject({ number: 3, isSafeMode: true });
    expect(supervisor.status()).toMatchObject({ state: 'running', crashes: 2 });
  });

  it('that hangs is killed and restarted, although it hears no signal', async () => {
    const { born, crashes } = subject(steady, { stallAfterMs: 4000, baseDelayMs: 10 });
    const first = await eventually(() => born[0], { what: 'the child', limitMs: 30_000 });
    process.kill(first.pid, 'SIGSTOP');
    await eventually(() => born[1], { what: 'the next child', limitMs: 60_000 });

    expect(crashes[0]).toMatchObject({ kind: 'stalled', isAbandoned: false, error: { code: 'STALLED' } });
    expect(() => process.kill(first.pid, 0)).toThrow('ESRCH');
  });

  it('that cannot be started is a crash like any other', async () => {
    const crashes: CrashReport[] = [];
    const missing = childProcess(() => spawn('/no/such/program'));
    const supervisor = supervise('missing', missing, {
      baseDelayMs: 10,
      maxRestarts: 1,
      onCrash: (report) => void crashes.push(report),
    });
    supervisors.push(supervisor);
    supervisor.start();
    await eventually(() => supervisor.status().state === 'gave-up', { what: 'giving up' });

    expect(crashes.map(({ error }) => (error as NodeJS.ErrnoException).code)).toEqual(['ENOENT', 'ENOENT']);
  });
});

describe('poisonous work', () => {
  it('is kept away after it has brought two children down, and the rest is done', async () => {
    const quarantine = createQuarantine();
    const work = (job: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ['-e', job === 'poison' ? 'process.abort()' : ''], { stdio: 'ignore' });
        child.once('exit', (code, signal) =>
          code === 0 ? resolve() : reject(new ChildExitError(code ?? undefined, signal ?? undefined)),
        );
      });
    const outcomes: string[] = [];
    for (const job of ['a', 'poison', 'b', 'poison', 'poison', 'c', 'poison']) {
      await quarantine
        .run(job, () => work(job))
        .then(
          () => outcomes.push(`${job} done`),
          (error: ChildExitError) => outcomes.push(`${job} ${error.code}`),
        );
    }

    expect(outcomes).toEqual([
      'a done',
      'poison CHILD_EXITED',
      'b done',
      'poison CHILD_EXITED',
      'poison QUARANTINED',
      'c done',
      'poison QUARANTINED',
    ]);
  });
});
