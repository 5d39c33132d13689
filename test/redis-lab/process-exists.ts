/**
 * Process exists: whether a process is there, whoever started it.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

/** Whether a process with this id runs or is stopped. One that has ended and that nobody has waited for yet does not count. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}
