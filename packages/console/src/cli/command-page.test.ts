import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { commandTable, helpOf, helpText } from './command-table.ts';

const path = new URL('../../../../docs/packages/console-command.md', import.meta.url);
const [start, end] = ['<!-- help:start -->', '<!-- help:end -->'];

/** The help of everything, as the page has it. */
function pageText(): string {
  const parts = [
    ['holdfast --help', helpText()],
    ...commandTable.map((row) => [`holdfast ${row.name} --help`, helpOf(row)]),
  ];
  return parts.map(([command, help]) => ['```text', `$ ${command}`, help, '```'].join('\n')).join('\n\n');
}

describe('command page', () => {
  it('has the help of every command; HOLDFAST_WRITE_PAGES=1 writes it', () => {
    const page = readFileSync(path, 'utf8');
    const [from, to] = [page.indexOf(start), page.indexOf(end)];
    expect([from > 0, to > from]).toEqual([true, true]);
    const written = `${page.slice(0, from + start.length)}\n\n${pageText()}\n\n${page.slice(to)}`;
    if (process.env['HOLDFAST_WRITE_PAGES'] === '1') writeFileSync(path, written);

    expect(page.slice(from + start.length, to).trim()).toBe(pageText());
  });

  it('has examples that are commands', () => {
    for (const { name, example, options } of commandTable) {
      expect(example.startsWith(`holdfast ${name}`)).toBe(true);
      for (const [, option] of example.matchAll(/--([a-z-]+)/g))
        expect([...options.map((one) => one.name), 'json']).toContain(option);
    }
  });
});
