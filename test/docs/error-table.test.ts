/**
 * The error table of docs/guides/errors.md is that of the source, and the classes are what it says.
 *
 * @module
 */

import * as core from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { readRepositoryTree, treeOf } from '../architecture/source-tree.ts';
import { declaredErrors, errorsInPage } from './error-table.ts';

const tree = readRepositoryTree();
const file = 'packages/core/src/policies/quota/quota.ts';

const source = `
export class QuotaError extends RejectionError {
  readonly code = 'QUOTA';
  readonly maxCalls: number;
  private seen = 0;
}
nameErrorClass(QuotaError, 'QuotaError');
`;
const base = `export abstract class RejectionError extends Error {}`;
const quota = { className: 'QuotaError', name: 'QuotaError', code: 'QUOTA', fields: ['maxCalls'], isRejection: true };

const declared = (text: string) => declaredErrors(treeOf({ [file]: text, 'packages/core/src/kernel/errors.ts': base }));
const table = (row: string) => `<!-- errors:start -->\n\n| a |\n| - |\n${row}\n\n<!-- errors:end -->\n`;

describe('error table', () => {
  it('is that of the source', () => {
    expect(errorsInPage(tree.get('docs/guides/errors.md') ?? '')).toEqual(declaredErrors(tree));
  });

  it.each(declaredErrors(tree))('tells the truth about $className', ({ className, name, code, isRejection }) => {
    const errorClass = (core as Record<string, unknown>)[className] as { readonly prototype: Error };
    const sample: unknown = Object.assign(Object.create(errorClass.prototype) as Error, { code });

    expect(errorClass.prototype.name).toBe(name);
    expect(core.isResilienceError(sample)).toBe(true);
    expect(core.isRejection(sample)).toBe(isRejection);
  });

  it('reads class, name, code, public fields and kind off the source', () => {
    expect(declared(source)).toEqual([quota]);
  });

  it('takes the name from the parent where the class has none of its own', () => {
    const child = `${source}\nexport class DailyQuotaError extends QuotaError { override readonly code = 'DAILY'; }`;

    expect(declared(child)).toContainEqual({ ...quota, className: 'DailyQuotaError', code: 'DAILY', fields: [] });
  });

  it.each([
    ['code', source.replace("'QUOTA'", 'codeOf(this)')],
    ['name', source.replace(/nameErrorClass.*/, '')],
  ])('refuses an error without a %s', (_what, text) => {
    expect(() => declared(text)).toThrow('QuotaError needs a literal code and nameErrorClass()');
  });

  it('reads the same off a row', () => {
    const row = '| `QuotaError` | `QuotaError` | `QUOTA` | `maxCalls` | yes | quota | No call is left. |';

    expect(errorsInPage(table(row))).toEqual([quota]);
  });

  it.each([
    ['| `QuotaError` | `QuotaError` | `QUOTA` | `maxCalls` | yes | quota | |'],
    ['| `QuotaError` | `QuotaError` | `QUOTA` | `maxCalls` | perhaps | quota | No call is left. |'],
    ['| `QuotaError` | `QuotaError` | `QUOTA` | `maxCalls` |'],
  ])('refuses the row %s', (row) => {
    expect(() => errorsInPage(table(row))).toThrow('incomplete');
  });

  it('must be there', () => {
    expect(() => errorsInPage('# Errors\n')).toThrow('no error table');
  });
});
