import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { describe, expect, it, onTestFinished } from 'vitest';

import { inRepository, repository } from '../repository.ts';
import { eventually } from './eventually.ts';
import { privateFolder } from './private-folder.ts';
import { processExists } from './process-exists.ts';
import { spawnTied } from './tied-process.ts';

describe('spawnTied', () => {
  it('collects what a process prints on both streams, and how it ends', async () => {
    const child = spawnTied('sh', ['-c', 'echo out; echo err >&2; exit 3']);

    expect(await child.ended).toEqual({ code: 3, signal: null });
    expect(child.output()).toContain('out\n');
    expect(child.output()).toContain('err\n');
    expect(child.isRunning()).toBe(false);
  });

  it('keeps the last of much output', async () => {
    const child = spawnTied('sh', ['-c', 'head -c 300000 /dev/zero; echo end']);
    await child.ended;

    expect(child.output().length).toBeLessThanOrEqual(65_536);
    expect(child.output()).toMatch(/end\n$/);
  });

  it('kills a process that is stopped, and signals one that has ended without an error', async () => {
    const child = spawnTied('sleep', ['600']);
    child.signal('SIGSTOP');

    expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    child.signal('SIGTERM');
    expect(processExists(child.pid)).toBe(false);
  });

  it('leaves no child behind when the parent is killed with SIGKILL, not even a stopped one', async () => {
    const parent = spawnTied(
      process.execPath,
      ['--conditions=@holdfast/source', '--import', 'tsx', inRepository('test/redis-lab/doomed-parent.ts')],
      { cwd: repository },
    );
    onTestFinished(async () => void (await parent.kill()));
    const printed = await eventually(() => /^pids (.*)\n/m.exec(parent.output())?.[1], {
      what: 'the ids of the children',
      limitMs: 60_000,
    });
    const pids = printed.split(' ').map(Number);
    expect(pids.map(processExists)).toEqual([true, true, true, true, true]);

    await parent.kill();

    await eventually(() => !pids.some(processExists), { what: 'the end of the children' });
  });
});

describe('eventually', () => {
  it('says what it waited for, and why it was not there', async () => {
    const look = (): boolean => {
      throw new Error('still loading');
    };

    await expect(eventually(look, { what: 'the server', limitMs: 50 })).rejects.toThrow(
      'no sign of the server within 50 ms: still loading',
    );
  });

  it('(1) looks after its limit as well, so that a machine that stood still fails nothing', async () => {
    let looks = 0;
    const look = (): boolean => {
      const from = performance.now();
      while (performance.now() < from + 60) continue; // longer than the limit
      return ++looks > 1;
    };

    expect(await eventually(look, { what: 'what came meanwhile', limitMs: 50 })).toBe(true);
  });

  it('does not wait for a look that never comes back', async () => {
    const never = new Promise<boolean>(() => {});

    await expect(eventually(() => never, { what: 'a reply', limitMs: 50 })).rejects.toThrow('no sign of a reply');
  });
});

describe('privateFolder', () => {
  it('removes what processes have left that are gone, and nothing of those that run', () => {
    const left = mkdtempSync(`${tmpdir()}/holdfast-lab-99999999-redis-`);
    const used = mkdtempSync(`${tmpdir()}/holdfast-lab-${process.ppid}-redis-`);

    const folder = privateFolder('thing');

    expect([left, used, folder].map(existsSync)).toEqual([false, true, true]);
    for (const made of [used, folder]) rmSync(made, { recursive: true });
  });
});
