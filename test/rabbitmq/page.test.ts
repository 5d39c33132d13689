/**
 * The blocks of the page and of the package's README that speak to a broker run, each against the real one.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { snippetsOf } from '../docs/snippets.ts';
import { inRepository, repository } from '../repository.ts';
import { skipWithoutRabbitmq } from '../rabbitmq-lab/skip-without-rabbitmq.ts';

const folder = inRepository('test/docs/.snippets/rabbitmq');
const blocks = ['docs/packages/queue-rabbitmq.md', 'packages/queue/README.md'].flatMap((path) =>
  snippetsOf(readFileSync(inRepository(path), 'utf8'))
    .filter(({ text }) => text.includes("process.env['AMQP_URL']"))
    .map(({ line, text }) => ({ path, line, text })),
);

describe('pages of RabbitMQ', () => {
  skipWithoutRabbitmq();
  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(blocks)('$path, line $line', async ({ path, line, text }) => {
    const file = `${folder}/${path.replaceAll(/[/.]/g, '-')}-${line}.ts`;
    writeFileSync(file, `${text}\nexport {};\n`);
    const env = { ...process.env, AMQP_URL: inject('rabbitmqUrl') };

    const flags = ['--conditions=@holdfast/source', '--import', 'tsx', file];
    const options = { cwd: repository, env, timeout: 100_000, killSignal: 'SIGKILL' as const };
    const { stdout } = await promisify(execFile)(process.execPath, flags, options);

    expect(stdout).toBe(printed(text));
  });

  it('are more than one', () => {
    expect(blocks.length).toBeGreaterThan(1);
  });
});

/** What a block says that it prints: the comments behind what prints. */
function printed(text: string): string {
  return [...text.matchAll(/^(?:console\.log\(.*\)|await placed); \/\/ (.+)$/gm)]
    .map((match) => `${match[1]}\n`)
    .join('');
}
