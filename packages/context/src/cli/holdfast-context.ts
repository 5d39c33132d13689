#!/usr/bin/env node
/**
 * The program `holdfast-context`.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { contextCommand } from './context-command.ts';

process.exitCode = contextCommand(process.argv.slice(2), {
  readFile: (path) => readFileSync(path, 'utf8'),
  print: (line) => void process.stdout.write(`${line}\n`),
});
