/**
 * The packages as an application gets them: closed, typed, loadable and small.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';

import { describe, expect, inject, it } from 'vitest';

import { inRepository, packageNames, repository } from '../repository.ts';

const run = promisify(execFile);
const tool = (name: string) => inRepository(`node_modules/.bin/${name}`);

const { tarballs, application } = inject('packed');
const policies = readdirSync(inRepository('packages/core/src/policies'));

/** Runs a program; what it printed is the message when it fails. */
async function succeed(file: string, args: readonly string[], cwd = repository): Promise<string> {
  try {
    return (await run(file, args, { cwd, env: { ...process.env, NO_COLOR: '1' } })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${file} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

function node(type: 'commonjs' | 'module', script: string): Promise<string> {
  return succeed(process.execPath, [`--input-type=${type}`, '-e', script], application);
}

describe.each(packageNames())('@holdfast/%s', (name) => {
  const tarball = tarballs[name] ?? '';

  it('is a sound package', async () => {
    await expect(succeed(tool('publint'), ['run', tarball, '--strict'])).resolves.toBeTypeOf('string');
  });

  it('resolves to its types', async () => {
    await expect(succeed(tool('attw'), ['--profile', 'esm-only', tarball])).resolves.toBeTypeOf('string');
  });

  it('holds no tests and no build leftovers', async () => {
    const files = await succeed('tar', ['-tzf', tarball]);

    expect(files).not.toMatch(/\.(test|test-d|bench)\.ts$|tsbuildinfo|tsconfig/m);
    expect(files).toMatch(/^package\/dist\/index\.d\.ts$/m);
    expect(files).toMatch(/^package\/src\/index\.ts$/m);
  });

  it('can be required and imported, as one and the same module', async () => {
    const script = `
      const required = require('@holdfast/${name}');
      import('@holdfast/${name}').then((imported) => {
        const names = Object.keys(imported);
        if (names.length === 0) throw new Error('exports nothing');
        for (const name of names) if (required[name] !== imported[name]) throw new Error(name + ' exists twice');
      });`;

    await expect(node('commonjs', script)).resolves.toBe('');
  });

  it('keeps its own files to itself', async () => {
    await expect(node('commonjs', `require('@holdfast/${name}/dist/index.js')`)).rejects.toThrow(
      /ERR_PACKAGE_PATH_NOT_EXPORTED|ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND/,
    );
  });
});

describe('@holdfast/core', () => {
  it.each([...policies, 'testing'])('opens the subpath %s', async (subpath) => {
    const script = `
      import * as subpath from '@holdfast/core/${subpath}';
      if (Object.keys(subpath).length === 0) throw new Error('exports nothing');`;

    await expect(node('module', script)).resolves.toBe('');
  });
});
