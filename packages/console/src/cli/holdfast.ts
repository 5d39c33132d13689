#!/usr/bin/env node
/**
 * The program `holdfast`.
 *
 * @module
 */

import { readFileSync, statSync } from 'node:fs';

import { systemClock } from '@holdfast/core';

import { runCommand } from './command.ts';

let endWatch = (): void => {};
process.stdout.on('error', () => endWatch()); // nobody reads on: `holdfast watch | head`

/** From when this is asked for, signals end the command in order; before that, they end the process as they always do. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    endWatch = resolve;
    process.once('SIGINT', endWatch);
    process.once('SIGTERM', endWatch);
  });
}

void runCommand(process.argv.slice(2), {
  env: process.env,
  clock: systemClock,
  fetch,
  readFile: (path) => readFileSync(path, 'utf8'),
  fileMode: (path) => (process.platform === 'win32' ? undefined : statSync(path).mode),
  print: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stderr.write(`${line}\n`),
  untilStopped,
}).then((exitCode) => (process.exitCode = exitCode));
