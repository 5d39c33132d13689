/**
 * Global set-up of tests that cannot do without PostgreSQL: gets the programs once, before any test runs.
 * Without them the run fails; nothing is skipped.
 *
 * @module
 */

import { postgresFolder } from '../postgres-lab/postgres-program.ts';

export default function setup(): void {
  postgresFolder();
}
