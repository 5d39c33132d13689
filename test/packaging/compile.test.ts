/**
 * The declarations as applications compile against them: strictly, with and without the DOM library and Node's types, and with
 * the decorators that TypeScript had before the language had its own.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { describe, expect, inject, it } from 'vitest';

import { inRepository } from '../repository.ts';

const run = promisify(execFile);
const { application } = inject('packed');

const source = `
  import { type AbortSignalLike, Context, type Policy, fallback, isCancelled, pipeline, retry } from '@holdfast/core';
  import { timeout } from '@holdfast/core/timeout';
  import { virtualClock } from '@holdfast/core/testing';

  declare const old: { aborted: boolean; addEventListener(t: 'abort', l: () => void): void; removeEventListener(t: 'abort', l: () => void): void };
  const signal: AbortSignalLike = new AbortController().signal;
  export const contexts = [Context.from(signal), Context.from(old), Context.withClock(virtualClock()).withSignal(old)];
  export const price: Promise<number | string> = pipeline(fallback({ value: 'none' }), retry(), timeout(5)).execute(() => 7);
  export const reason = (error: unknown): string => (isCancelled(error) ? error.code : 'OTHER');
  export const orNothing: Policy<undefined> = fallback({ value: undefined });
`;
const legacy = `
  import { timeout } from '@holdfast/core';
  const policy = timeout(5);
  function guarded(_target: object, _name: string, property: TypedPropertyDescriptor<(id: string) => Promise<string>>) {
    if (property.value !== undefined) property.value = policy.wrap(property.value);
  }
  export class Shop {
    @guarded
    async price(id: string): Promise<string> {
      return id;
    }
  }
`;
const wrong = `import { retry } from '@holdfast/core'; export const policy = retry({ attempts: 3 });`;

interface Compilation {
  readonly lib: readonly string[];
  readonly types: readonly string[];
  readonly source: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

const compilations: Readonly<Record<string, Compilation>> = {
  'the DOM library and no types of Node.js': { lib: ['es2023', 'esnext.disposable', 'dom'], types: [], source },
  'the types of Node.js and no DOM library': { lib: ['es2023'], types: ['node'], source },
  'both, for a bundler': {
    lib: ['es2022', 'esnext.disposable', 'dom'],
    types: ['node'],
    source,
    extra: { module: 'esnext', moduleResolution: 'bundler' },
  },
  'legacy decorators': { lib: ['es2023'], types: ['node'], source: legacy, extra: { experimentalDecorators: true } },
};

/** Compiles `source` in a folder of its own. Returns what the compiler complains about. */
async function complaintsOf({ lib, types, source: text, extra }: Compilation, folder: string): Promise<string> {
  const place = `${application}/${folder}`;
  mkdirSync(`${place}/node_modules`, { recursive: true });
  symlinkSync(inRepository('node_modules/@types'), `${place}/node_modules/@types`);
  symlinkSync(inRepository('node_modules/undici-types'), `${place}/node_modules/undici-types`);
  writeFileSync(`${place}/index.ts`, text);
  writeFileSync(`${place}/package.json`, '{ "type": "module" }');
  const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
  const compilerOptions = { ...strict, target: 'es2022', module: 'nodenext', lib, types, ...extra };
  writeFileSync(`${place}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  try {
    await run(inRepository('node_modules/.bin/tsc'), ['-p', place]);
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe('the published types', () => {
  it.each(Object.entries(compilations))('charter I1, I3: compile with %s', async (name, compilation) => {
    await expect(complaintsOf(compilation, name.replaceAll(/\W/g, '-'))).resolves.toBe('');
  });

  it('charter I1: refuse what is wrong', async () => {
    const complaints = await complaintsOf({ lib: ['es2023'], types: ['node'], source: wrong }, 'wrong');

    expect(complaints).toContain("'attempts' does not exist");
  });
});
