/**
 * Top down: a chain of scopes gone along from its top, in a loop, so that a long one does not overflow the stack.
 *
 * @module
 */

/** How far up a chain is gone by calls, which cost less than a list of it. */
export const NEAR_DEPTH = 16;

/** Returns the nodes from `lowest` up, as far as `above` goes, the highest first. */
export function topDown<N>(lowest: N, above: (node: N) => N | undefined): readonly N[] {
  const path: N[] = [];
  for (let node: N | undefined = lowest; node !== undefined; node = above(node)) path.push(node);
  return path.toReversed();
}
