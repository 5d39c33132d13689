/**
 * Finds cycles in a directed graph.
 *
 * @module
 */

/**
 * Returns one cycle per back edge of a depth-first search, each as the nodes from the first one back to itself; empty
 * exactly when the graph has no cycle.
 *
 * Source: depth-first search with three colours, Introduction to Algorithms, Cormen et al., 2009, section 22.3.
 * Deviation: none.
 */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const path: string[] = [];

  const visit = (node: string): void => {
    const seenAt = path.indexOf(node);
    if (seenAt >= 0) {
      cycles.push([...path.slice(seenAt), node]);
      return;
    }
    if (finished.has(node)) return;
    path.push(node);
    for (const target of edges.get(node) ?? []) visit(target);
    path.pop();
    finished.add(node);
  };

  for (const node of edges.keys()) visit(node);
  return cycles;
}
