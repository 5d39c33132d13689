/**
 * Inventory program: the inventory service in a process of its own.
 *
 * @module
 */

import { runProgram } from '../service/program.ts';
import { createInventory } from './inventory.ts';

await runProgram(createInventory);
