/**
 * Service build: the programs of the services as JavaScript, so that each starts within half a second.
 *
 * @module
 */

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { processExists } from '../../../../test/redis-lab/process-exists.ts';

/** The services, by name. */
export const serviceNames = ['gateway', 'orders', 'inventory', 'audit'] as const;

/** The name of a service. */
export type ServiceName = (typeof serviceNames)[number];

/** The programs. */
export interface ServiceBuild {
  fileOf(name: ServiceName): string;
  remove(): void;
}

/** Builds all. */
export async function buildServices(): Promise<ServiceBuild> {
  mkdirSync(cache, { recursive: true });
  sweep();
  const folder = mkdtempSync(`${cache}orders-${process.pid}-`);
  await build({
    entryPoints: Object.fromEntries(serviceNames.map((name) => [name, pathOf(programs[name])])),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@holdfast/source'],
    external: ['@grpc/*', 'amqplib', 'fastify', 'pg', 'prom-client'], // found in node_modules, above the folder
    logLevel: 'silent',
  });
  copyFileSync(pathOf('../contract/inventory.proto'), `${folder}/inventory.proto`); // it is read from beside the program
  return {
    fileOf: (name) => `${folder}/${name}.mjs`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

// --- internal ---

const cache = fileURLToPath(new URL('../../../../.cache/', import.meta.url));

const programs: Readonly<Record<ServiceName, string>> = {
  gateway: '../gateway/gateway-program.ts',
  orders: '../orders/orders-program.ts',
  inventory: '../inventory/inventory-program.ts',
  audit: '../audit/audit-program.ts',
};

/** Removes what runs have left that were killed. */
function sweep(): void {
  for (const name of readdirSync(cache)) {
    const owner = /^orders-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !processExists(Number(owner)))
      rmSync(`${cache}${name}`, { recursive: true, force: true });
  }
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
