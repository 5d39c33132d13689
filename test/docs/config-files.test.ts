/**
 * What `npm run config` writes is up to date, and the schema that is published accepts the examples of the pages.
 *
 * @module
 */

import { builtInKinds } from '@holdfast/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { policySlugs } from '../architecture/layout.ts';
import { readRepositoryTree, treeOf } from '../architecture/source-tree.ts';
import {
  kindsPath,
  kindsSource,
  schemaPath,
  schemaText,
  warningTable,
  warningTableIn,
  warningsPath,
} from './config-files.ts';
import { normalizeTable } from './option-table.ts';

const tree = readRepositoryTree();
const schema = JSON.parse(tree.get(schemaPath) ?? '{}') as object;

describe('npm run config', () => {
  it('has written the list of kinds', () => {
    expect(tree.get(kindsPath)).toBe(kindsSource(tree));
  });

  it('lists the kind of each policy that has one', () => {
    const slugs = new Set(policySlugs(tree));

    expect(builtInKinds.length).toBeGreaterThan(0);
    expect(builtInKinds.map(({ kind }) => kind).filter((kind) => !slugs.has(kind))).toEqual([]);
  });

  it('takes a policy that comes, and drops one that goes', () => {
    const quota = 'packages/core/src/policies/quota/quota.ts';
    const planted = treeOf({ [quota]: 'export const quotaKind: PolicyKind = Object.freeze({});' });

    expect(kindsSource(planted)).toContain("import { quotaKind } from '../policies/quota/quota.ts';");
    expect(kindsSource(treeOf({ [quota]: 'export const quota = 1;' }))).not.toContain('quota');
  });

  it('has written the schema', async () => {
    expect(schema).toEqual(JSON.parse(await schemaText()));
  });

  it('has written the table of warnings', async () => {
    const written = warningTableIn(tree.get(warningsPath) ?? '') ?? '';

    expect(normalizeTable(written)).toBe(normalizeTable(await warningTable()));
  });
});

describe('the published schema', () => {
  const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(schema);
  const examples = [...(tree.get('docs/guides/configuration.md') ?? '').matchAll(/```json\n([\s\S]*?)```/g)];

  it('accepts the examples of the guide', () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const [, text = ''] of examples) {
      validate(JSON.parse(text));
      expect(validate.errors).toBe(null);
    }
  });

  it('refuses a mistake', () => {
    expect(validate({ pipelines: { prices: [{ use: 'retry', maxAttempts: 0 }] } })).toBe(false);
  });
});
