/**
 * Renderer: what is scarce in a shop. Its workers make a page out of its parts, one page each at a time.
 *
 * A worker is busy for as long as a page costs, and this process is not: what would be a processor's work in a real shop only
 * takes time here, so that both twins and their shoppers fit into one process. Who finds no worker waits, without end.
 *
 * @module
 */

/** Makes pages. Each twin has one of its own. */
export interface Renderer {
  /** Pages that are made at once. */
  readonly workerCount: number;
  /** Resolves when a worker has had the page for `costMs`. */
  render(costMs: number): Promise<void>;
}

/** What a page costs, and what recommendations add that are ranked for the shopper. Milliseconds of a worker. */
export const costsMs: { readonly page: number; readonly ranking: number } = Object.freeze({ page: 10, ranking: 23 });

/** How many workers can make pages for so many shoppers a second, with three quarters of that to spare. */
export function workersFor(shoppersPerSecond: number): number {
  return Math.max(1, Math.round(shoppersPerSecond / 20));
}

/** Creates a renderer. */
export function createRenderer(workerCount: number): Renderer {
  const waiting: (() => void)[] = [];
  let busyCount = 0;
  const work = (costMs: number, done: () => void): void => {
    busyCount++;
    setTimeout(() => {
      busyCount--;
      done();
      waiting.shift()?.();
    }, costMs);
  };
  return {
    workerCount,
    render: (costMs) =>
      new Promise((resolve) => {
        const begin = (): void => work(costMs, resolve);
        if (busyCount < workerCount) begin();
        else waiting.push(begin);
      }),
  };
}
