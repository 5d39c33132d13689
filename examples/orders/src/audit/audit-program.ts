/**
 * Audit program: the audit service in a process of its own.
 *
 * @module
 */

import { runProgram } from '../service/program.ts';
import { createAudit } from './audit.ts';

await runProgram(createAudit);
