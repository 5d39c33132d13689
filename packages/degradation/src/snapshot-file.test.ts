import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';

import { type FsPromisesModule, snapshotFile } from './snapshot-file.ts';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'holdfast-snapshot-'));
  path = join(folder, 'features');
});
afterEach(() => fs.rm(folder, { recursive: true }));

/** The module with the calls of it noted, and the function `broken` failing. */
function watched(broken?: keyof FsPromisesModule | 'writeFile' | 'sync') {
  const calls: string[] = [];
  const note = (call: string): void => {
    calls.push(call.replaceAll(folder, '').replace(/\.[^. ]+\.tmp/, '.new'));
    if (broken !== undefined && call.startsWith(broken))
      throw Object.assign(new Error(`${broken} fails`), { code: 'EIO' });
  };
  const module: FsPromisesModule = {
    async open(file, flags, mode) {
      note(`open ${file} ${flags}`);
      const handle = await fs.open(file, flags, mode);
      return {
        stat: () => handle.stat(),
        readFile: (encoding) => handle.readFile(encoding),
        close: () => handle.close(),
        // oxlint-disable-next-line require-await -- so that a noted failure rejects
        async writeFile(text, encoding) {
          note('writeFile');
          return handle.writeFile(text, encoding);
        },
        // oxlint-disable-next-line require-await -- as above
        async sync() {
          note('sync');
          return handle.sync();
        },
      };
    },
    // oxlint-disable-next-line require-await -- as above
    async rename(from, to) {
      note(`rename ${from} ${to}`);
      return fs.rename(from, to);
    },
    unlink: (file) => fs.unlink(file),
    readdir: (file) => fs.readdir(file),
    stat: (file) => fs.stat(file),
  };
  return { module, calls };
}

describe('snapshotFile', () => {
  it('gives back what was saved last, in a file of its owner, and nothing before', async () => {
    const file = snapshotFile({ fs, path });
    expect(await file.load()).toBeUndefined();

    await file.save('one');
    await file.save('two, with an ü\n');

    expect(await file.load()).toBe('two, with an ü\n');
    expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
    expect(await fs.readdir(folder)).toEqual(['features']);
  });

  it('(1) writes beside the file, has that on the disk, renames, and has the folder on the disk', async () => {
    const { module, calls } = watched();

    await snapshotFile({ fs: module, path }).save('text');

    const write = ['open /features.new wx', 'writeFile', 'sync'];
    expect(calls).toEqual([...write, 'rename /features.new /features', 'open  r', 'sync']);
  });

  it('(1) never shows half a text to whoever reads meanwhile', { timeout: 60_000 }, async () => {
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(100_000));
    const files = texts.map((_text, index) => snapshotFile({ fs, path, random: seededRandom(index + 1) }));
    await files[0]?.save(texts[0] as string);
    const writers = { areDone: false };

    const writing = Promise.all(
      files.map(async (file, index) => {
        for (let count = 0; count < 10; count++) await file.save(texts[index] as string);
      }),
    ).finally(() => (writers.areDone = true));
    let reads = 0;
    while (!writers.areDone) {
      expect(texts.includes((await files[0]?.load()) as string)).toBe(true);
      reads++;
    }
    await writing;
    expect(reads).toBeGreaterThan(0);
  });

  it.each<[string, () => Promise<unknown>, { field: string; message: string }]>([
    [
      'anybody may write',
      () => fs.writeFile(path, 'x').then(() => fs.chmod(path, 0o666)),
      { field: 'permissions', message: 'anybody may write it: its mode is 666' },
    ],
    ['is a folder', () => fs.mkdir(path), { field: 'permissions', message: 'it is no file' }],
    [
      'is too large',
      () => fs.writeFile(path, 'x'.repeat(11)),
      { field: 'size', message: 'has 11 bytes, more than 10' },
    ],
  ])('(2) refuses a file that %s', async (_what, make, { field, message }) => {
    await make();

    const loading = snapshotFile({ fs, path, maxBytes: 10 }).load();

    await expect(loading).rejects.toMatchObject({ code: 'SNAPSHOT_REFUSED', field });
    await expect(loading).rejects.toThrow(message);
  });

  it('takes a file that its group may write, and one of exactly the largest size', async () => {
    await fs.writeFile(path, 'x'.repeat(10));
    await fs.chmod(path, 0o664);

    expect(await snapshotFile({ fs, path, maxBytes: 10 }).load()).toBe('xxxxxxxxxx');
  });

  it('passes on what the file system says, where it may not read', async () => {
    const { module } = watched('open');

    await expect(snapshotFile({ fs: module, path }).load()).rejects.toThrow('open fails');
  });

  it.each(['open', 'writeFile', 'sync', 'rename'] as const)('(3) leaves the old text when %s fails', async (broken) => {
    await snapshotFile({ fs, path }).save('old');
    const { module } = watched(broken);

    await expect(snapshotFile({ fs: module, path }).save('new')).rejects.toThrow(`${broken} fails`);

    expect(await snapshotFile({ fs, path }).load()).toBe('old');
    expect(await fs.readdir(folder)).toEqual(['features']);
  });

  it('(3) follows no link that somebody has put in its way', async () => {
    const random = () => 0.5;
    await fs.writeFile(join(folder, 'precious'), 'do not touch');
    await fs.symlink(join(folder, 'precious'), `${path}.${(2 ** 51).toString(36)}.tmp`);

    await expect(snapshotFile({ fs, path, random }).save('text')).rejects.toThrow('EEXIST');

    expect(await fs.readFile(join(folder, 'precious'), 'utf8')).toBe('do not touch');
    await snapshotFile({ fs, path, random }).save('text'); // the link is gone
    expect(await fs.readFile(path, 'utf8')).toBe('text');
  });

  it('(4) removes what a process left behind that died while it saved, and nothing that is being written', async () => {
    await fs.writeFile(`${path}.dead.tmp`, 'half');
    await fs.utimes(`${path}.dead.tmp`, 1, 1);
    await fs.writeFile(join(folder, 'others.tmp'), 'not ours');
    const file = snapshotFile({ fs, path });
    await file.save('text');
    await fs.writeFile(`${path}.alive.tmp`, 'being written');
    const { mtimeMs } = await fs.stat(path);
    await fs.utimes(`${path}.alive.tmp`, 1, mtimeMs / 1000 - 50);

    await file.load();

    expect(await fs.readdir(folder)).toEqual(['features', 'features.alive.tmp', 'others.tmp']);
  });

  it.each<[unknown, string]>([
    [{ path: 'x' }, 'snapshotFile.fs.open must be a function, got undefined'],
    [{ fs: {}, path: 'x' }, 'snapshotFile.fs.open must be a function, got undefined'],
    [{ fs, path: '' }, 'snapshotFile.path must be a non-empty string'],
    [{ fs, path: 'x', maxBytes: 0 }, 'snapshotFile.maxBytes must be an integer from 1 to 1073741824, got 0'],
    [undefined, 'snapshotFile must be an object of options'],
  ])('refuses %j', (options, message) => {
    expect(() => snapshotFile(options as never)).toThrow(ConfigError);
    expect(() => snapshotFile(options as never)).toThrow(message);
  });
});
