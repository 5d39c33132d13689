#!/usr/bin/env node
/**
 * The program `holdfast`.
 *
 * @module
 */

import { readFileSync, statSync } from 'node:fs';

import { systemClock } from '@holdfast/core';

import { runCommand } from './command.ts';

const stopped = new Promise<void>((resolve) => {
  process.once('SIGINT', () => resolve());
  process.once('SIGTERM', () => resolve());
  process.stdout.on('error', () => resolve()); // nobody reads on: `holdfast watch | head`
});

void runCommand(process.argv.slice(2), {
  env: process.env,
  clock: systemClock,
  fetch,
  readFile: (path) => readFileSync(path, 'utf8'),
  fileMode: (path) => (process.platform === 'win32' ? undefined : statSync(path).mode),
  print: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stderr.write(`${line}\n`),
  stopped,
}).then((exitCode) => (process.exitCode = exitCode));
