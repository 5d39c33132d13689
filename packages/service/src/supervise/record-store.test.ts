import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onHookError } from '@holdfast/core';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { jsonFile, memoryRecord } from './record-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-record-'));
const reported: string[] = [];
const before = onHookError(({ hook }) => void reported.push(hook));
beforeEach(() => void reported.splice(0));
afterAll(() => {
  onHookError(before);
  rmSync(folder, { recursive: true });
});

describe('a record', () => {
  it('is kept in memory', () => {
    const record = memoryRecord<number>();
    expect(record.read()).toBeUndefined();
    record.write(1);
    expect(record.read()).toBe(1);
  });

  it('(1) is written whole, in place of the one before, and leaves nothing beside it', () => {
    const path = join(folder, 'deep', 'starts.json');
    const record = jsonFile<readonly number[]>(path);
    record.write([1, 2]);
    record.write([3]);

    expect(readFileSync(path, 'utf8')).toBe('[3]\n');
    expect(readdirSync(join(folder, 'deep'))).toEqual(['starts.json']);
    expect(jsonFile(path).read()).toEqual([3]);
  });

  it('(2) is none where there is no file, or one that cannot be understood, which is reported', () => {
    expect(jsonFile(join(folder, 'none.json')).read()).toBeUndefined();
    expect(reported).toEqual([]);
    writeFileSync(join(folder, 'half.json'), '[1, ');
    expect(jsonFile(join(folder, 'half.json')).read()).toBeUndefined();
    expect(reported).toEqual(['read']);
    expect(() => jsonFile('')).toThrow('jsonFile path must be a non-empty string');
  });

  it('(3) that cannot be written is reported, and throws nothing', () => {
    writeFileSync(join(folder, 'file'), '');
    jsonFile(join(folder, 'file', 'below.json')).write([1]);
    expect(reported).toEqual(['write']);
  });
});
