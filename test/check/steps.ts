/**
 * The steps of `npm run check`, in order, each with the time it may take.
 *
 * @module
 */

import { existsSync } from 'node:fs';

import { inRepository } from '../repository.ts';

/** One step: a command that ends in time with status 0, or a vitest run whose tests count one by one. */
export interface Step {
  readonly name: string;
  /** `command` counts as one check, `vitest` as its tests, `advice` prints its outcome and never fails. */
  readonly kind: 'command' | 'vitest' | 'advice';
  readonly command: readonly [string, ...string[]];
  readonly limitSeconds: number;
  /**
   * Neighbouring steps with a lane run beside each other: those of one lane in order, the two lanes at once. For steps that
   * mostly wait for other processes, and that measure nothing.
   */
  readonly lane?: 'left' | 'right';
}

const node = process.execPath;

/** Everything, cheap checks first. */
export const allSteps: readonly Step[] = [
  { name: 'redis', kind: 'advice', command: ['sh', 'test/setup/get-redis.sh'], limitSeconds: 180 },
  { name: 'postgres', kind: 'advice', command: ['sh', 'test/setup/get-postgres.sh'], limitSeconds: 300 },
  { name: 'rabbitmq', kind: 'advice', command: ['sh', 'test/setup/get-rabbitmq.sh'], limitSeconds: 300 },
  {
    name: 'prometheus',
    kind: 'advice',
    command: ['sh', 'test/setup/get-promtool.sh', 'prometheus'],
    limitSeconds: 180,
  },
  command('format', 60, 'oxfmt', '--check', '.'),
  lint('.'),
  command('types', 120, 'tsc', '-b'),
  command('build', 120, 'turbo', 'run', 'build'),
  vitest(
    'tests',
    900,
    ...projects('unit:*', 'architecture', 'behaviour', 'regressions', 'bench', 'check'),
    ...projects('line-coverage', 'long', 'mutation', 'soak'),
  ),
  vitest('differential', 480, ...projects('differential')),
  {
    name: 'soak',
    kind: 'command',
    command: [node, '--import', 'tsx', 'test/soak/run.ts', '--calls', '200000'],
    limitSeconds: 240,
  },
  ...lane('left', [
    vitest('fleet', 900, ...projects('redis-lab', 'fleet')),
    vitest('fleet soak', 300, ...projects('fleet-soak')),
    vitest('http', 300, ...projects('http')),
  ]),
  ...lane('right', [
    vitest('conformance', 600, ...projects('conformance')),
    vitest('sql', 600, ...projects('postgres-lab', 'sql')),
    vitest('rabbitmq tests', 600, ...projects('rabbitmq-lab', 'rabbitmq')),
    vitest('queues', 300, ...projects('queue-bullmq', 'queue-kafka')),
    vitest('service', 300, ...projects('service')),
    vitest('console page', 240, ...projects('console-page')),
    vitest('opentelemetry', 120, ...projects('opentelemetry')),
    vitest('grpc', 180, ...projects('grpc')),
    vitest('http clients', 180, ...projects('http-client')),
  ]),
  vitest('storefront', 300, ...projects('storefront')),
  vitest('orders', 600, ...projects('orders')),
  vitest('dashboard', 300, ...projects('dashboard')),
  vitest('fleet model', 480, ...projects('fleet-model')),
  vitest('fleet example', 300, ...projects('fleet-example')),
  vitest('console', 240, ...projects('console')),
  vitest('examples', 180, ...projects('examples')),
  vitest('docs', 180, ...projects('docs')),
  {
    name: 'api',
    kind: 'command',
    command: [node, '--import', 'tsx', 'test/packaging/api-report.ts'],
    limitSeconds: 120,
  },
  vitest('packaging', 180, ...projects('packaging')),
  vitest('runtimes', 300, ...projects('runtimes')),
  command('unused', 60, 'knip', '--config', 'test/packaging/knip.json', '--no-config-hints'),
];

/** Splits `steps` into what runs one after the other, each a list of lanes that run beside each other. */
export function lanesOf(steps: readonly Step[]): readonly (readonly Step[])[][] {
  const stages: { readonly isSplit: boolean; readonly lanes: Step[][] }[] = [];
  for (const step of steps) {
    const isSplit = step.lane !== undefined;
    let stage = stages.at(-1);
    if (stage === undefined || stage.isSplit !== isSplit) stages.push((stage = { isSplit, lanes: [[], []] }));
    stage.lanes[step.lane === 'right' ? 1 : 0]?.push(step);
  }
  return stages.map(({ lanes }) => lanes.filter((each) => each.length > 0));
}

/** Lint, types and unit tests of one workspace: `core` or `packages/core`, `storefront`, `docs`; undefined if there is none. */
export function stepsOfWorkspace(filter: string): readonly Step[] | undefined {
  const folder = [filter, `packages/${filter}`, `examples/${filter}`].find((path) =>
    existsSync(inRepository(`${path}/package.json`)),
  );
  if (folder === undefined) return undefined;

  const project = folder.startsWith('packages/') ? `unit:${folder.slice('packages/'.length)}` : undefined;
  return [
    lint(folder),
    command('types', 120, 'tsc', '-b'),
    ...(project === undefined ? [] : [vitest('tests', 480, ...projects(project))]),
  ];
}

// --- internal ---

function projects(...names: readonly string[]): string[] {
  return names.flatMap((name) => ['--project', name]);
}

function lane(side: 'left' | 'right', steps: readonly Step[]): readonly Step[] {
  return steps.map((step) => ({ ...step, lane: side }));
}

function command(name: string, limitSeconds: number, tool: string, ...args: string[]): Step {
  return { name, kind: 'command', command: [inRepository(`node_modules/.bin/${tool}`), ...args], limitSeconds };
}

function lint(folder: string): Step {
  return command('lint', 120, 'oxlint', '--type-aware', '--deny-warnings', folder);
}

function vitest(name: string, limitSeconds: number, ...args: string[]): Step {
  const config = ['run', '--config', 'test/vitest.config.ts'];
  return {
    name,
    kind: 'vitest',
    command: [inRepository('node_modules/.bin/vitest'), ...config, ...args],
    limitSeconds,
  };
}
