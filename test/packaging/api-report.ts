/**
 * The public surface of each package as a file in git: packages/<name>/<name>.api.md, and one more for a subpath that
 * is a surface of its own.
 *
 *   node --import tsx test/packaging/api-report.ts           fails when a report is out of date
 *   node --import tsx test/packaging/api-report.ts --write   (npm run api) writes the reports
 *
 * It reads the declarations of the last build.
 *
 * @module
 */

import { existsSync, mkdirSync } from 'node:fs';

import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

import { commandLineOf, presence } from '../check/command-line.ts';
import { inRepository, packageNames } from '../repository.ts';

interface Surface {
  readonly packageName: string;
  /** Name of the report, without `.api.md`. */
  readonly report: string;
  /** Declaration file, from the package folder. */
  readonly entry: string;
}

const subpathSurfaces: readonly Surface[] = [
  { packageName: 'core', report: 'core.fleet', entry: 'dist/fleet/fleet.d.ts' },
  { packageName: 'core', report: 'core.metrics', entry: 'dist/metrics/metrics.d.ts' },
  { packageName: 'core', report: 'core.testing', entry: 'dist/testing/testing.d.ts' },
  { packageName: 'degradation', report: 'degradation.testing', entry: 'dist/testing/testing.d.ts' },
  ...['express', 'fastify', 'hono', 'node'].map((framework) => ({
    packageName: 'http',
    report: `http.${framework}`,
    entry: `dist/${framework}/${framework}.d.ts`,
  })),
  ...['axios', 'fetch', 'undici'].map((client) => ({
    packageName: 'http',
    report: `http.${client}`,
    entry: `dist/${client}/${client}.d.ts`,
  })),
  { packageName: 'opentelemetry', report: 'opentelemetry.diagnostics', entry: 'dist/diagnostics/diagnostics.d.ts' },
  { packageName: 'queue', report: 'queue.bullmq', entry: 'dist/bullmq/bullmq.d.ts' },
  { packageName: 'queue', report: 'queue.rabbitmq', entry: 'dist/rabbitmq/rabbitmq.d.ts' },
  { packageName: 'queue', report: 'queue.kafka', entry: 'dist/kafka/kafka.d.ts' },
  { packageName: 'queue', report: 'queue.rollback', entry: 'dist/rollback/rollback.d.ts' },
];

const { values } = commandLineOf({
  command: 'npm run api --',
  purpose:
    'Writes the public surface of each package, as it was built, into its reports: packages/<name>/<name>.api.md.',
  flags: { write: presence('writes, as npm run api does; without it, it fails where a report is out of date') },
  examples: ['npm run api'],
});
const isWriting = values.write;
const stale = surfaces().filter((surface) => !reportIsCurrent(surface));

for (const { packageName, report } of stale) {
  console.error(`packages/${packageName}/${report}.api.md is out of date: run npm run api and review the change`);
}
if (stale.length > 0) process.exitCode = 1;

// --- internal ---

function surfaces(): Surface[] {
  const roots = packageNames().map((name) => ({ packageName: name, report: name, entry: 'dist/index.d.ts' }));
  const extra = subpathSurfaces.filter(({ packageName, entry }) => isBuilt(packageName, entry));
  const missing = roots.filter(({ packageName, entry }) => !isBuilt(packageName, entry));
  if (missing.length > 0) throw new Error(`not built: ${missing.map(({ packageName }) => packageName).join(', ')}`);
  return [...roots, ...extra];
}

function isBuilt(packageName: string, entry: string): boolean {
  return existsSync(inRepository(`packages/${packageName}/${entry}`));
}

function reportIsCurrent(surface: Surface): boolean {
  const result = Extractor.invoke(configOf(surface), {
    localBuild: isWriting,
    messageCallback: (message) => {
      // Only what spoils a report is worth a line; wording of comments is the formatter's and the reviewer's.
      if (message.logLevel === ExtractorLogLevel.Verbose || message.logLevel === ExtractorLogLevel.Info) {
        message.handled = true;
      }
      if (message.messageId === 'console-compiler-version-notice') message.handled = true;
    },
  });
  return result.succeeded && (isWriting || !result.apiReportChanged);
}

function configOf({ packageName, report, entry }: Surface): ExtractorConfig {
  const folder = inRepository(`packages/${packageName}`);
  const isRoot = report === packageName;
  const temp = inRepository('.cache/api');
  mkdirSync(temp, { recursive: true });
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: `${folder}/package.json`,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: `${folder}/${entry}`,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: compilerSettings(folder) },
      apiReport: { enabled: true, reportFileName: `${report}.api.md`, reportFolder: folder, reportTempFolder: temp },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          'ae-unresolved-link': { logLevel: ExtractorLogLevel.None },
          // A report says where a comment is missing; with lines beside, it would change with every line above.
          'ae-undocumented': { logLevel: ExtractorLogLevel.None },
          // A subpath may speak of what the package root exports.
          'ae-forgotten-export': { logLevel: isRoot ? ExtractorLogLevel.Error : ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
}

function compilerSettings(folder: string): object {
  return {
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      skipLibCheck: true,
    },
    include: [`${folder}/dist`],
  };
}
