/**
 * Numbering: a file states its invariants once, in the comment that it opens with, and numbers them from 1 without a gap,
 * so that none of them escapes the search for its test.
 *
 * @module
 */

/** Returns what is wrong with how the file at `path` states its invariants, as sentences. */
export function numberingViolations(path: string, text: string): string[] {
  const header = /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '';
  return [...misplaced(header, text), ...misnumbered(header)].map((complaint) => `${path}: ${complaint}`);
}

// --- internal ---

const heading = /^\s*\*\s+Invariants\b/gm;
const item = /^\s*\*\s+\((\d+)\)/gm;

function misplaced(header: string, text: string): string[] {
  return [
    ...(count(text, heading) > count(header, heading)
      ? ['states invariants below the comment that it opens with']
      : []),
    ...(count(text, item) > count(header, item) ? ['numbers sentences below the comment that it opens with'] : []),
  ];
}

function misnumbered(header: string): string[] {
  const stated = count(header, heading);
  const numbers = [...header.matchAll(item)].map((match) => Number(match[1]));
  const isCounted = numbers.every((number, index) => number === index + 1);
  return [
    ...(stated > 1 ? ['states invariants twice'] : []),
    ...(stated > 0 && numbers.length === 0 ? ['states invariants and numbers none'] : []),
    ...(stated === 0 && numbers.length > 0 ? ['numbers sentences without calling them invariants'] : []),
    ...(isCounted ? [] : [`numbers its invariants ${numbers.join(', ')}`]),
  ];
}

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}
