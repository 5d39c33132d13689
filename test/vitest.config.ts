/**
 * Vitest set-up for the whole repository: one unit project per package, and one project per folder of test/.
 * Every test runs on source, through the `@holdfast/source` export condition.
 *
 * @module
 */

import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const conditions = ['@holdfast/source', 'node', 'development|production']; // what Node.js itself goes by

const packages = readdirSync(`${root}packages`).filter((name) => existsSync(`${root}packages/${name}/package.json`));

export default defineConfig({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Limits against hanging, not bounds that prove something: a machine that does four other things keeps them too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    projects: [
      ...packages.map((name) => project(`unit:${name}`, `packages/${name}/{src,page}/**/*.test.ts`)),
      folder('architecture'),
      folder('behaviour'),
      folder('conformance', { globalSetup: [`${root}test/setup/redis-server.ts`] }),
      folder('regressions'),
      folder('differential'),
      folder('bench'),
      folder('check'),
      folder('line-coverage'),
      folder('long'),
      folder('mutation'),
      folder('soak', { testTimeout: 120_000, fileParallelism: false }),
      folder('runtimes', {
        globalSetup: [`${root}test/setup/packed-packages.ts`],
        testTimeout: 120_000,
      }),
      folder('docs', { hookTimeout: 120_000 }),
      folder('dashboard', { testTimeout: 120_000, hookTimeout: 120_000 }),
      folder('examples'),
      folder('storefront', { fileParallelism: false, sequence: { groupOrder: 1 } }),
      folder('redis-lab', slow(2)),
      folder('fleet', slow(3)),
      folder('fleet-example', slow(4)),
      folder('fleet-model', slow(5)),
      folder('fleet-soak', slow(6)),
      folder('postgres-lab', slow(7, 'postgres-program')),
      folder('sql', slow(8, 'postgres-program')),
      folder('service', {
        testTimeout: 120_000,
        fileParallelism: false,
        sequence: { groupOrder: 9 },
      }),
      folder('rabbitmq-lab', slow(10, 'rabbitmq-program')),
      folder('rabbitmq', slow(11, 'rabbitmq-server')),
      folder('queue-bullmq', slow(12)),
      folder('queue-kafka', { sequence: { groupOrder: 13 } }),
      folder('orders', slow(14, 'postgres-program', 'rabbitmq-program')),
      folder('opentelemetry'),
      folder('grpc'),
      folder('http', {
        testTimeout: 120_000,
        fileParallelism: false,
        sequence: { groupOrder: 14 },
      }),
      folder('http-client'),
      folder('console', {
        globalSetup: [`${root}test/setup/redis-program.ts`],
        fileParallelism: false,
        sequence: { groupOrder: 15 },
      }),
      folder('console-page', {
        globalSetup: [`${root}test/setup/console-page.ts`, `${root}test/setup/redis-program.ts`],
        fileParallelism: false,
        sequence: { groupOrder: 16 },
      }),
      folder('packaging', { globalSetup: [`${root}test/setup/packed-packages.ts`] }),
    ],
    coverage: { provider: 'v8', include: ['packages/*/src/**'], reporter: ['text', 'lcovonly'] },
    passWithNoTests: true,
    maxWorkers: 2,
  },
});

/** Tests of many processes and of servers that die: one file at a time, after the projects of the groups before. */
function slow(groupOrder: number, ...programs: readonly string[]): TestProjectInlineConfiguration['test'] {
  const setups = programs.length === 0 ? ['redis-program'] : programs;
  return {
    globalSetup: setups.map((setup) => `${root}test/setup/${setup}.ts`),
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    sequence: { groupOrder },
  };
}

function folder(name: string, extra: TestProjectInlineConfiguration['test'] = {}): TestProjectInlineConfiguration {
  return project(name, `test/${name}/**/*.test.ts`, extra);
}

function project(
  name: string,
  include: string,
  extra: TestProjectInlineConfiguration['test'] = {},
): TestProjectInlineConfiguration {
  return { extends: true, test: { name, include: [include], ...extra } };
}
