/**
 * Every example in examples/policies prints what the `// Output:` block at its end says.
 *
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { runSource } from '../setup/run-source.ts';
import { comparable, expectedOutput } from './expected-output.ts';

const folder = 'examples/policies';
const examples = readdirSync(inRepository(folder)).filter((file) => file.endsWith('.ts'));

describe('examples', () => {
  it.concurrent.for(examples)('%s prints what it says', async (file, { expect: check }) => {
    const expected = expectedOutput(readFileSync(inRepository(`${folder}/${file}`), 'utf8'));
    check(expected, `${file} ends with an "// Output:" block`).toBeDefined();

    check(comparable(await runSource(`${folder}/${file}`))).toBe(comparable(expected ?? ''));
  });
});

describe('the expected output', () => {
  it('is the comment after the last "// Output:"', () => {
    expect(expectedOutput('run();\n\n// Output:\n// one\n//   two\n//\n// three\n')).toBe('one\n  two\n\nthree');
  });

  it('must end the file', () => {
    expect(expectedOutput('// Output:\n// one\nrun();\n')).toBeUndefined();
    expect(expectedOutput('run();\n')).toBeUndefined();
  });
});
