/**
 * World breaks: the rules by which processes share features, each taken out of the shipped sources, so that it is seen that its
 * absence is noticed.
 *
 * @module
 */

import type { SourceEdit } from '../../redis-lab/member-program.ts';

/** The sources with one rule less. */
export interface WorldBreak {
  readonly rule: string;
  readonly edit: SourceEdit;
}

const feed = (find: string, replace: string): SourceEdit =>
  edit('redis/src/feature-store/feature-feed.ts', find, replace);
const writer = (find: string, replace: string): SourceEdit =>
  edit('redis/src/feature-store/feature-writer.ts', find, replace);
const packed = (find: string, replace: string): SourceEdit =>
  edit('redis/src/feature-store/packed-feature.ts', find, replace);
const scripts = (find: string, replace: string): SourceEdit =>
  edit('redis/src/feature-store/feature-scripts.ts', find, replace);
const link = (find: string, replace: string): SourceEdit => edit('degradation/src/store-link.ts', find, replace);

/** Every rule that a world can miss. */
export const worldBreaks: readonly WorldBreak[] = [
  { rule: 'a process looks again and again', edit: feed('if (!this.isStarted) return; // (5)', 'return;') },
  {
    rule: 'after an answer that did not come, all is looked at',
    edit: feed('this.stamp = UNKNOWN; // (1): what is answered next is all', ''),
  },
  { rule: 'who listens is told all', edit: feed('this.parts.onWhole(records); // (1)', ';') },
  {
    rule: 'a notice that does not follow moves no stamp',
    edit: feed('if (before === this.stamp) {', 'if (before !== this.stamp) {'),
  },
  { rule: 'a store says when it is away', edit: feed('this.parts.onAway(error);', ';') },
  {
    rule: 'what is left is counted by the time of the server',
    edit: feed('this.serverTime(clock.now()) ?? 0', '0'),
  },
  {
    rule: 'what is left is counted from when it was saved',
    edit: packed('Math.max(0, serverMs - Number(outside.savedMs))', '0'),
  },
  {
    rule: 'what was sent is counted from when it was sent',
    edit: writer('const sentMs = feed.serverTime(madeAt); // (1)', 'const sentMs = undefined;'),
  },
  {
    rule: 'a save says what it changed',
    edit: scripts("const entry = change === undefined ? ['', '']", "const entry = true ? ['', '']"),
  },
  { rule: 'what the store lacks is offered', edit: link('this.#parts.onLoaded(records);', ';') },
  {
    rule: 'what is owed is offered when the store is back',
    edit: link('if (this.#pending.has(feature)) this.push(feature); // (2)', ';'),
  },
  {
    rule: 'a record that does not supersede changes nothing',
    edit: edit('degradation/src/feature-cell.ts', 'if (!supersedes(record, this.last)) return false; // (2)', ';'),
  },
];

// --- internal ---

function edit(path: string, find: string, replace: string): SourceEdit {
  return { file: `packages/${path}`, find, replace };
}
