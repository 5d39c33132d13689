/**
 * Vitest set-up under mutation: unit tests of core, each property with few runs from one seed.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';

import { type Plugin, defineConfig } from 'vitest/config';

const conditions = ['@holdfast/source', 'module', 'node', 'development|production'];
const shortRuns = fileURLToPath(new URL('short-runs.ts', import.meta.url));
const tests = process.env['HOLDFAST_MUTATION_TESTS'] ?? 'packages/core/src/**/*.test.ts';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  plugins: [withShortRuns()],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: tests.split(','),
    setupFiles: ['test/mutation/skip-long.ts'],
    testTimeout: 4000, // mutants that hang are many
    isolate: false, // a worker for each file would take most of the time; the mutants killed are the same
  },
});

/** Gives every importer of fast-check the module of this folder in its place. */
function withShortRuns(): Plugin {
  return {
    name: 'short-runs',
    enforce: 'pre',
    resolveId: (source, importer) => (source === 'fast-check' && importer !== shortRuns ? shortRuns : undefined),
  };
}
