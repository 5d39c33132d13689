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
  longer('degradation-model', {
    sizes: { HOLDFAST_MODEL_RUNS: 50000 },
    project: 'unit:degradation',
    files: ['packages/degradation/src/degradation.model.prop.test.ts'],
    limitSeconds: 900,
  }),
  longer('context-fuzz', {
    sizes: { HOLDFAST_FUZZ_RUNS: 100000 },
    project: 'unit:context',
    files: ['packages/context/src/codec/context-codec.prop.test.ts'],
    limitSeconds: 1200,
  }),
  longer('http-sent-once', {
    sizes: { HOLDFAST_FUZZ_RUNS: 50000 },
    project: 'http-client',
    files: ['test/http-client/sent-once.test.ts'],
    limitSeconds: 1200,
  }),
  longer('http-fuzz', {
    sizes: { HOLDFAST_FUZZ_RUNS: 100_000 },
    project: 'unit:http',
    files: ['packages/http/src/server/request-contexts.test.ts', 'packages/http/src/client/http-call.prop.test.ts'],
    limitSeconds: 600,
  }),
  longer('api-fuzz', {
    sizes: { HOLDFAST_API_FUZZ_RUNS: 100000 },
    project: 'console',
    files: ['test/console/fuzz.test.ts'],
    limitSeconds: 900,
  }),
  longer('dashboard-story', {
    sizes: { HOLDFAST_STORY_SECONDS: 60 },
    project: 'dashboard',
    files: ['test/dashboard/scrape.test.ts'],
    limitSeconds: 600,
  }),
  longer('feature-world', {
    sizes: { HOLDFAST_FEATURE_WORLDS: 2000 },
    project: 'conformance',
    files: ['test/conformance/redis-feature-store/world.test.ts'],
    limitSeconds: 1800,
  }),
  longer('bullmq-values', {
    sizes: { HOLDFAST_JOBS: 100000 },
    project: 'queue-bullmq',
    files: ['test/queue-bullmq/values-never-bleed.test.ts'],
    limitSeconds: 1200,
  }),
  longer('rabbitmq-values', {
    sizes: { HOLDFAST_DELIVERIES: 100000 },
    project: 'rabbitmq',
    files: ['test/rabbitmq/values-never-bleed.test.ts'],
    limitSeconds: 900,
  }),
  longer('http-disconnects', {
    sizes: { HOLDFAST_HTTP_LEFTOVERS: 100000, HOLDFAST_HTTP_DISCONNECTS: 1000, HOLDFAST_HTTP_BODIES: 10000 },
    project: 'http',
    files: ['test/http/disconnects.test.ts', 'test/http/leftovers.test.ts'],
    limitSeconds: 1200,
  }),
  {
    name: 'orders',
    kind: 'command',
    command: [...source, 'examples/orders/src/main.ts', '--clients', '1000', '--for', '1m', '--stops-within', '100'],
    limitSeconds: 900,
  },
  longer('orders-properties', {
    sizes: { HOLDFAST_ORDERS_RUNS: 200 },
    project: 'orders',
    files: ['test/orders/services.test.ts'],
    limitSeconds: 900,
  }),
  { name: 'fleet-model', kind: 'command', command: [...source, 'test/fleet-model/run.ts'], limitSeconds: 3600 },
  { name: 'fleet-soak', kind: 'command', command: [...source, 'test/fleet-soak/run.ts'], limitSeconds: 900 },
];

// --- internal ---

/** Tests of the check that are made longer by variables of the environment. */
interface Longer {
  readonly sizes: Readonly<Record<`HOLDFAST_${string}`, number>>;
  readonly project: string;
  readonly files: readonly string[];
  readonly limitSeconds: number;
}

function longer(name: string, { sizes, project, files, limitSeconds }: Longer): Step {
  const variables = Object.entries(sizes).map(([variable, size]) => `${variable}=${size}`);
  const vitest = ['npx', 'vitest', 'run', '--config', 'test/vitest.config.ts', '--project', project];
  return { name, kind: 'command', command: ['env', ...variables, ...vitest, ...files], limitSeconds };
}
