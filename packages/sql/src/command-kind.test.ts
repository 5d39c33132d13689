import { expect, it } from 'vitest';

import { type CommandKind, commandKind } from './command-kind.ts';

it.each<[text: string, kind: CommandKind]>([
  ['begin', 'begin'],
  ['  BEGIN ISOLATION LEVEL SERIALIZABLE', 'begin'],
  ['start transaction read only', 'begin'],
  ['-- why\n/* and how */ Begin;', 'begin'],
  ['savepoint sp1', 'savepoint'],
  ['commit', 'commit'],
  ['COMMIT AND CHAIN', 'commit'],
  ['end', 'commit'],
  ['rollback', 'undo'],
  ['rollback to savepoint sp1', 'undo'],
  ['abort;', 'undo'],
  ['release savepoint sp1', 'undo'],
  [';rollback', 'undo'],
  [' ; ;\n/* a *//* b */;commit', 'commit'],
  ['/** why **/ begin', 'begin'],
  [`${'/**/'.repeat(5000)}1`, 'other'],
  ['select 1', 'other'],
  ['beginning', 'other'],
  ['committed', 'other'],
  ['start_over()', 'other'],
  ['', 'other'],
  [';', 'other'],
  ['/* never closed begin', 'other'],
])('commandKind of %j is %s', (text, kind) => {
  expect(commandKind(text)).toBe(kind);
});
