import { existsSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { longSuites } from './suites.ts';

describe('the long suites', () => {
  it('have names of their own', () => {
    const names = longSuites.map(({ name }) => name);

    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]+$/);
  });

  it.each(longSuites.map((suite) => [suite.name, suite] as const))(
    '%s runs a program that is there',
    (_name, suite) => {
      const programs = suite.command.filter((part) => /^(test|examples|packages)\/.*\.ts$/.test(part));

      expect(suite.kind === 'vitest' || programs.length > 0).toBe(true);
      expect(programs.filter((program) => !existsSync(inRepository(program)))).toEqual([]);
    },
  );

  it('set no variable that none of their tests reads', () => {
    const unread = longSuites.flatMap(({ name, command }) => {
      const texts = command
        .filter((part) => part.endsWith('.test.ts'))
        .map((path) => readFileSync(inRepository(path), 'utf8'));
      return command
        .flatMap((part) => /^(HOLDFAST_\w+)=/.exec(part)?.[1] ?? [])
        .filter((variable) => texts.every((text) => !text.includes(variable)))
        .map((variable) => `${name}: ${variable}`);
    });

    expect(unread).toEqual([]);
  });
});
