/**
 * Record store: keeps one small record where it survives the process, or only in memory.
 *
 * It is synchronous on purpose: what must be known after a crash has to be written before the work begins.
 *
 * Invariants
 *  (1) A reader finds the record as it was before a write or after it, never half of it.
 *  (2) A file that is missing or cannot be understood counts as no record; the latter is reported.
 *  (3) A write that fails is reported, and does not throw: the work matters more than the note about it.
 *
 * @module
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { isName, reportHookError } from '@holdfast/core';

/** Keeps one record. Both must be synchronous, and not throw. */
export interface RecordStore<T> {
  read(): T | undefined;
  write(record: T): void;
}

/** Keeps the record in this process's memory. */
export function memoryRecord<T>(): RecordStore<T> {
  let kept: T | undefined = undefined;
  return {
    read: () => kept,
    write: (record) => {
      kept = record;
    },
  };
}

/** Keeps the record as JSON in a file of its own, for one process. Its folder is made if it is not there. */
export function jsonFile<T>(path: string): RecordStore<T> {
  isName('jsonFile path', path);
  return {
    read: () => readJson(path) as T | undefined,
    write: (record) => writeJson(path, record),
  };
}

// --- internal ---

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'ENOENT') reportHookError('read', error, path); // (2)
    return undefined;
  }
}

function writeJson(path: string, record: unknown): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const next = `${path}.next`;
    writeFileSync(next, `${JSON.stringify(record)}\n`, { flush: true });
    renameSync(next, path); // (1)
  } catch (error) {
    reportHookError('write', error, path); // (3)
  }
}
