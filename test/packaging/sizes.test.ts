/**
 * Sizes: what an application pays for one policy, and that it pays for no other.
 *
 * @module
 */

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

import type * as core from '@holdfast/core';
import { build } from 'vite';
import { describe, expect, inject, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { bundle } from './bundle.ts';
import { sizeBudgets } from './size-budgets.ts';
import { measureSizes, sizesOn, sizesPage, specifierOf, withSizes } from './sizes.ts';

const { application } = inject('packed');
const policies = readdirSync(inRepository('packages/core/src/policies'));
const page = readFileSync(inRepository(sizesPage), 'utf8');

const factoryOf = (policy: string): string => policy.replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
const policiesIn = (files: readonly string[]): string[] => [
  ...new Set(files.flatMap((file) => /policies\/([^/]*)\//.exec(file)?.[1] ?? [])),
];

describe('size budgets', () => {
  it('charter J4: are set for every policy, and no more', () => {
    expect(Object.keys(sizeBudgets).toSorted()).toEqual(['.', 'testing', ...policies].toSorted());
  });

  it('charter J4: hold for the packed package, each import alone', async () => {
    const sizes = await measureSizes(application);
    const over = [...sizes].filter(([subpath, size]) => size > (sizeBudgets[subpath] ?? 0));

    expect(over).toEqual([]);
  });

  it('are on the page of sizes, beside sizes that are true: or else run npm run sizes', async () => {
    const written = sizesOn(page);
    const sizes = await measureSizes(application);

    expect(Object.fromEntries([...written].map(([subpath, { budget }]) => [subpath, budget]))).toEqual(sizeBudgets);
    const off = [...sizes].filter(([subpath, size]) => Math.abs((written.get(subpath)?.size ?? 0) / size - 1) > 0.1);
    expect(off).toEqual([]);
  });

  it('are read from the page as they were written to it', () => {
    const sizes = new Map(Object.keys(sizeBudgets).map((subpath, index) => [subpath, 999 + index]));
    const read = sizesOn(withSizes(page, sizes));

    expect(new Map([...read].map(([subpath, { size }]) => [subpath, size]))).toEqual(sizes);
  });
});

describe('tree shaking', () => {
  it.each(policies)(
    'charter J4: of %s leaves every other policy out, by its subpath and from the index',
    async (policy) => {
      const [own, fromIndex] = await Promise.all([
        bundle(`export { ${factoryOf(policy)} } from '${specifierOf(policy)}';`, application),
        bundle(`export { ${factoryOf(policy)} } from '@holdfast/core';`, application),
      ]);

      expect(policiesIn(own.files)).toEqual([policy]);
      expect(policiesIn(fromIndex.files)).toEqual([policy]);
      expect(fromIndex.gzipBytes).toBeLessThan(own.gzipBytes * 1.05);
    },
  );

  it('charter J4: of everything keeps everything, so what is left out above is not missing', async () => {
    const { files } = await bundle(`export * from '@holdfast/core';`, application);

    expect(policiesIn(files).toSorted()).toEqual(policies.toSorted());
  });
});

describe('bundlers', () => {
  it('charter J3, Q3: esbuild needs nothing of Node.js', async () => {
    const { code } = await bundle(`export * from '@holdfast/core';`, application);

    expect(code).not.toMatch(/["'`]node:|\brequire\(/);
    await expect(bundle(`export * from 'node:fs';`, application)).rejects.toThrow('node:fs');
  });

  it('charter J3: Vite makes a working bundle without polyfills', async () => {
    const entry = `${application}/entry.js`;
    writeFileSync(entry, `export * from '@holdfast/core';`);
    const output = await build({
      root: application,
      configFile: false,
      logLevel: 'silent',
      build: { write: false, target: 'es2022', lib: { entry, formats: ['es'], fileName: 'core' } },
    });
    const [{ output: chunks }] = output as unknown as [{ output: { code: string }[] }];
    const code = chunks.map((chunk) => chunk.code).join('\n');
    expect(code).not.toMatch(/from ["']node:|__vite-browser-external/);

    const module = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as typeof core;
    await expect(module.fallback({ value: 7 }).execute(() => Promise.reject(new Error('boom')))).resolves.toBe(7);
  });
});

describe('a platform without Symbol.dispose', () => {
  it('charter Q3: has contexts that a lowered using can dispose of', async () => {
    const { code } = await bundle(`export * from '@holdfast/core';`, application, { globalName: 'core' });
    const poor: unknown = new Proxy(() => {}, {
      get: (_target, key) => (key === 'dispose' ? undefined : (Reflect.get(Symbol, key) as unknown)),
    });
    // oxlint-disable-next-line no-implied-eval, typescript/no-implied-eval -- the bundle, with another Symbol
    const load = new Function('Symbol', `${code}; return core;`) as (symbol: unknown) => typeof core;
    const context = load(poor).Context.background.withCancel();

    (context as unknown as Record<symbol, () => void>)[Symbol.for('Symbol.dispose')]?.();

    expect(context.cancelled).toBe(true);
    expect('undefined' in context).toBe(false);
  });
});
