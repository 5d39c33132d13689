/**
 * Global set-up of the packaging tests: builds and packs every package and unpacks the tarballs as an application
 * would have them, under node_modules of an empty folder.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';

import type { TestProject } from 'vitest/node';

import { inRepository, packageNames, repository } from '../repository.ts';

declare module 'vitest' {
  interface ProvidedContext {
    packed: {
      /** Tarball of each package by its short name. */
      readonly tarballs: Readonly<Record<string, string>>;
      /** Folder of an application that has all of them installed. */
      readonly application: string;
    };
  }
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-packed-`);
  run(inRepository('node_modules/.bin/tsc'), ['-b', ...packageNames().map((name) => `packages/${name}`)]);
  run(process.execPath, ['--import', 'tsx', inRepository('packages/console/page/build.ts')]);
  const tarballs = Object.fromEntries(packageNames().map((name) => [name, pack(name, folder)]));
  const application = install(tarballs, folder);
  project.provide('packed', { tarballs, application });
  return () => rmSync(folder, { recursive: true, force: true });
}

// --- internal ---

function pack(name: string, folder: string): string {
  const target = `${folder}/${name}`;
  mkdirSync(target);
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', target, '-w', `packages/${name}`]);
  const [tarball] = readdirSync(target);
  if (tarball === undefined) throw new Error(`packages/${name} does not pack`);
  return `${target}/${tarball}`;
}

function install(tarballs: Readonly<Record<string, string>>, folder: string): string {
  const application = `${folder}/application`;
  for (const [name, tarball] of Object.entries(tarballs)) {
    const target = `${application}/node_modules/@holdfast/${name}`;
    mkdirSync(target, { recursive: true });
    run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
    linkPeers(name, `${application}/node_modules`);
  }
  writeFileSync(`${application}/package.json`, '{ "private": true }');
  return application;
}

/** The peers an application brings along, from our own node_modules. */
function linkPeers(name: string, modules: string): void {
  const manifest = JSON.parse(readFileSync(inRepository(`packages/${name}/package.json`), 'utf8')) as {
    readonly peerDependencies?: Readonly<Record<string, string>>;
  };
  for (const peer of Object.keys(manifest.peerDependencies ?? {})) {
    const link = `${modules}/${peer}`;
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(inRepository(`node_modules/${peer}`), link);
  }
}

function run(file: string, args: readonly string[]): void {
  execFileSync(file, args, { cwd: repository, stdio: ['ignore', 'inherit', 'inherit'] });
}
