/**
 * Snapshot file: keeps the last known good in a file of this machine.
 *
 *   save ─► a file beside it ─► fsync ─► rename over the old one ─► fsync of the folder
 *
 * Invariants
 *  (1) Whoever reads finds the old text or the new one, whole, whenever the process or the machine dies.
 *  (2) A file that anybody may write, that is too large, or that is no file is refused, and its text never read.
 *  (3) A save that fails leaves the old text, and no file beside it.
 *  (4) What a process left behind when it died in the middle of a save goes at the next load.
 *
 * Source: All File Systems Are Not Created Equal: On the Complexity of Crafting Crash-Consistent Applications, T. Pillai et
 * al., OSDI 2014, https://www.usenix.org/conference/osdi14/technical-sessions/presentation/pillai.
 * Deviation: none. Cost: two fsyncs per save.
 *
 * @module
 */

import { type Random, integerInRange, isFunction, isName, systemRandom, withKnown, steadyRandom } from '@holdfast/core';

import { type SnapshotPort, refusal } from './last-known-good.ts';

/** What is needed of an open file. */
export interface SnapshotFileHandle {
  stat(): Promise<SnapshotFileStat>;
  readFile(encoding: 'utf8'): Promise<string>;
  writeFile(text: string, encoding: 'utf8'): Promise<unknown>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What is known of a file. */
export interface SnapshotFileStat {
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  isFile(): boolean;
}

/** What is needed of `node:fs/promises`. */
export interface FsPromisesModule {
  open(path: string, flags: string, mode?: number): Promise<SnapshotFileHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<SnapshotFileStat>;
}

/** Options of {@link snapshotFile}. Omitted ones take {@link snapshotFileDefaults}. */
export interface SnapshotFileOptions {
  /** The module `node:fs/promises`. */
  readonly fs: FsPromisesModule;
  /** Where the file is. Its folder must be there. Processes of one machine may share it: the last to save wins. */
  readonly path: string;
  /** The largest file that is read. Bytes, integer, 1 to 1 073 741 824. @defaultValue 16_777_216 */
  readonly maxBytes?: number;
  /** Names the file beside it while it is written; by default the platform's randomness. */
  readonly random?: Random;
}

/** Every default of {@link snapshotFile}, in one place. */
export const snapshotFileDefaults: { readonly maxBytes: number } = Object.freeze({ maxBytes: 16_777_216 });

/**
 * Creates a place for the last known good: a file that only its owner may write.
 *
 * It touches nothing before it is asked to. One per degradation.
 *
 * @throws ConfigError at creation, when `fs` lacks a function, `path` is no text or an option is out of range.
 * @throws FeatureError `SNAPSHOT_REFUSED` from load, when the file is no file, too large, or may be written by anybody.
 * @throws the error of the file system from load and save, unchanged.
 *
 * @example
 * ```ts
 * import * as fs from 'node:fs/promises';
 * const lastKnownGood = snapshotFile({ fs, path: '/var/lib/shop/features' });
 * ```
 */
export function snapshotFile(options: SnapshotFileOptions): SnapshotPort {
  const defaults = { ...snapshotFileDefaults, random: systemRandom };
  const { fs, path, maxBytes, random } = withKnown('snapshotFile', defaults, options, ['fs', 'path']);
  for (const name of ['open', 'rename', 'unlink', 'readdir', 'stat'] as const)
    isFunction(`snapshotFile.fs.${name}`, (fs as FsPromisesModule | undefined)?.[name]);
  isName('snapshotFile.path', path);
  integerInRange('snapshotFile.maxBytes', maxBytes, [1, 1_073_741_824]);
  const draw = steadyRandom(random, 'snapshotFile');
  const beside = () => `${path}.${Math.floor(draw() * 2 ** 52).toString(36)}${LEFTOVER}`;
  return {
    load: () => load(fs, path, maxBytes),
    save: (text) => save(fs, { path, own: beside() }, text),
  };
}

// --- internal ---

/** How the names of files end that are being written. */
const LEFTOVER = '.tmp';

/** How much older than the snapshot something is that nobody is writing any more. Milliseconds. */
const LEFTOVER_MS = 60_000;

/** Whether anybody at all may write: the group is left out, since mounted volumes are shared by one. */
const WORLD_WRITABLE = 0o002;

async function load(fs: FsPromisesModule, path: string, maxBytes: number): Promise<string | undefined> {
  const file = await fs.open(path, 'r').catch(unlessMissing);
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat(); // of the open file, so that nobody puts another in its place meanwhile
    if (!stat.isFile()) throw refusal('permissions', 'it is no file'); // (2)
    if ((stat.mode & WORLD_WRITABLE) !== 0 && process.platform !== 'win32')
      throw refusal('permissions', `anybody may write it: its mode is ${(stat.mode & 0o777).toString(8)}`); // (2)
    if (stat.size > maxBytes) throw refusal('size', `it has ${stat.size} bytes, more than ${maxBytes}`); // (2)
    const text = await file.readFile('utf8');
    await removeLeftovers(fs, path, stat.mtimeMs);
    return text;
  } finally {
    await file.close();
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as { code?: unknown } | null)?.code !== 'ENOENT') throw error;
}

async function save(
  fs: FsPromisesModule,
  { path, own }: { readonly path: string; readonly own: string },
  text: string,
): Promise<void> {
  try {
    await writeThrough(fs, own, text);
    await fs.rename(own, path); // (1)
  } catch (error) {
    await fs.unlink(own).catch(() => {}); // (3)
    throw error;
  }
  await syncFolder(fs, path);
}

async function writeThrough(fs: FsPromisesModule, path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600); // a new file: nobody has put a link there
  try {
    await file.writeFile(text, 'utf8');
    await file.sync(); // (1): or the rename may be on the disk before the text
  } finally {
    await file.close();
  }
}

/** Makes a rename last. Where folders cannot be opened it lasts without. */
async function syncFolder(fs: FsPromisesModule, path: string): Promise<void> {
  const folder = await fs.open(split(path).folder, 'r').catch(() => {});
  if (folder === undefined) return;
  await folder.sync().catch(() => {});
  await folder.close();
}

/** Removes what was being written long before `path` was: whoever wrote it is gone. */
async function removeLeftovers(fs: FsPromisesModule, path: string, writtenAtMs: number): Promise<void> {
  const { folder, name } = split(path);
  const names = await fs.readdir(folder).catch(() => []);
  for (const other of names) {
    if (!other.startsWith(`${name}.`) || !other.endsWith(LEFTOVER)) continue;
    const leftover = `${folder}/${other}`;
    const stat = await fs.stat(leftover).catch(() => {});
    if (stat !== undefined && stat.mtimeMs < writtenAtMs - LEFTOVER_MS) await fs.unlink(leftover).catch(() => {}); // (4)
  }
}

function split(path: string): { readonly folder: string; readonly name: string } {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  const folder = at < 0 ? '.' : path.slice(0, at);
  return { folder: folder === '' ? '/' : folder, name: path.slice(at + 1) };
}
