/**
 * Command under test: the command `holdfast` in a world of its own, and what it printed there.
 *
 * @module
 */

import { systemClock } from '@holdfast/core';

import { runCommand } from '../cli/command.ts';
import type { CommandWorld } from '../cli/command-world.ts';
import { tokens } from './admin-under-test.ts';

/** What came of a command. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in a world of its own. */
export async function runIn(
  { url = 'http://127.0.0.1:9', ...world }: Partial<CommandWorld> & { readonly url?: string },
  args: readonly string[],
): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand(args, {
    env: { HOLDFAST_URL: url, HOLDFAST_TOKEN: tokens.operator, USER: 'alice' },
    clock: systemClock,
    fetch,
    readFile: (path) => {
      if (path === 'token.txt') return `${tokens.viewer}\n`;
      throw new Error(`ENOENT: ${path}`);
    },
    fileMode: (path) => (path === 'token.txt' ? 0o100_644 : undefined),
    print: (line) => out.push(line),
    warn: (line) => err.push(line),
    untilStopped: () => new Promise(() => {}),
    ...world,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}
