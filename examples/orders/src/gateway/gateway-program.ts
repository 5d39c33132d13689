/**
 * Gateway program: the gateway in a process of its own.
 *
 * @module
 */

import { runProgram } from '../service/program.ts';
import { createGateway } from './gateway.ts';

await runProgram(createGateway);
