/**
 * The long suites: what takes too long for every check, each as a step with the time it may take.
 *
 * To add one, add its step here; `npm run test:long` knows it by its name.
 *
 * @module
 */

import type { Step } from '../check/steps.ts';

const source = [process.execPath, '--conditions=@holdfast/source', '--import', 'tsx'] as const;

/** All of them, in the order in which they run. */
export const longSuites: readonly Step[] = [
  { name: 'soak', kind: 'command', command: [...source, 'test/soak/run.ts'], limitSeconds: 1800 },
  {
    name: 'degradation-model',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_MODEL_RUNS=50000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'unit:degradation',
      'packages/degradation/src/degradation.model.prop.test.ts',
    ],
    limitSeconds: 900,
  },
  {
    name: 'context-fuzz',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_FUZZ_RUNS=100000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'unit:context',
      'packages/context/src/codec/context-codec.prop.test.ts',
    ],
    limitSeconds: 1200,
  },
  {
    name: 'api-fuzz',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_API_FUZZ_RUNS=100000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'console',
      'test/console/fuzz.test.ts',
    ],
    limitSeconds: 900,
  },
  {
    name: 'dashboard-story',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_STORY_SECONDS=60',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'dashboard',
      'test/dashboard/scrape.test.ts',
    ],
    limitSeconds: 600,
  },
  {
    name: 'feature-world',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_FEATURE_WORLDS=2000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'conformance',
      'test/conformance/redis-feature-store/world.test.ts',
    ],
    limitSeconds: 1800,
  },
  {
    name: 'bullmq-values',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_JOBS=100000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'queue-bullmq',
      'test/queue-bullmq/values-never-bleed.test.ts',
    ],
    limitSeconds: 1200,
  },
  {
    name: 'rabbitmq-values',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_DELIVERIES=100000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'rabbitmq',
      'test/rabbitmq/values-never-bleed.test.ts',
    ],
    limitSeconds: 900,
  },
  {
    name: 'http-disconnects',
    kind: 'command',
    command: [
      'env',
      'HOLDFAST_HTTP_DISCONNECTS=1000',
      'HOLDFAST_HTTP_BODIES=10000',
      'npx',
      'vitest',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'http',
      'test/http/disconnects.test.ts',
    ],
    limitSeconds: 1200,
  },
  { name: 'fleet-model', kind: 'command', command: [...source, 'test/fleet-model/run.ts'], limitSeconds: 3600 },
  { name: 'fleet-soak', kind: 'command', command: [...source, 'test/fleet-soak/run.ts'], limitSeconds: 900 },
];
