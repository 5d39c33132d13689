/**
 * Orders program: the orders service in a process of its own.
 *
 * @module
 */

import { runProgram } from '../service/program.ts';
import { createOrders } from './orders.ts';

await runProgram(createOrders);
