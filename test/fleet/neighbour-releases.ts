/**
 * Neighbour releases: the shipped sources as the release before or after this one might have them, by what is on the wire. There
 * is no earlier release yet; each of these does one thing that the rules of the wire let a neighbour do.
 *
 * @module
 */

import type { SourceEdit } from '../redis-lab/member-program.ts';

const luaSources = 'packages/redis/src/lua-sources.ts';
const wire = 'packages/redis/src/circuit/wire.ts';
const ledger = 'packages/core/src/fleet/ledger.ts';

const minor = (number: number): SourceEdit => ({
  file: ledger,
  find: 'export const WIRE_MINOR: number = 1;',
  replace: `export const WIRE_MINOR: number = ${number};`,
});

/** What the scripts demand of readers. */
const leastReader = (number: number): SourceEdit => ({
  file: luaSources,
  find: 'local WIRE_MAJOR, READER_MINOR = 1, 1',
  replace: `local WIRE_MAJOR, READER_MINOR = 1, ${number}`,
});

/** The next minor: further words in messages, further fields and notes in rulings, stored and told. */
export const laterMinor: readonly SourceEdit[] = [
  minor(2),
  {
    file: luaSources,
    find: "table.concat(tellAll(ids), ';')",
    replace: "table.concat(tellAll(ids), ';') .. ' further=word 7'",
  },
  {
    file: luaSources,
    find: 'int(entry.level), int(entry.free)}',
    replace: "int(entry.level), int(entry.free), 'field', 'x/y'}",
  },
  {
    file: luaSources,
    find: "return table.concat(kept, ' ')",
    replace: "kept[#kept + 1] = 'zone=eu-7'\\nreturn table.concat(kept, ' ')",
  },
];

/** The minor before: it knows of no notes, and keeps what it does not know. */
export const earlierReader: readonly SourceEdit[] = [
  { file: wire, find: 'notes: readNotes(rest.slice(4))', replace: 'notes: {}' },
];

/** The minor before, which says that it is that. */
export const earlierMinor: readonly SourceEdit[] = [minor(0), leastReader(0), ...earlierReader];

/** The next minor, which says that who is of this one cannot read what it writes. */
export const demandingMinor: readonly SourceEdit[] = [minor(2), leastReader(2)];

/** The next minor, in which open circuits have another letter. */
export const otherLetter: readonly SourceEdit[] = [
  minor(2),
  { file: luaSources, find: "'O'", replace: "'W'" },
  { file: wire, find: "open: 'O',", replace: "open: 'W'," },
];

/** The next major. */
export const otherMajor: readonly SourceEdit[] = [
  { file: wire, find: 'export const WIRE_MAJOR = 1;', replace: 'export const WIRE_MAJOR = 2;' },
  { file: luaSources, find: 'local WIRE_MAJOR, READER_MINOR = 1, 1', replace: 'local WIRE_MAJOR, READER_MINOR = 2, 1' },
];
