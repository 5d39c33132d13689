/**
 * Visible rows: which rows of a long table are drawn.
 *
 * Invariants
 *  (1) What is drawn is bounded by the height of the window, not by the number of rows.
 *
 * @module
 */

/** Rows from `first` up to and without `end`. */
export interface RowSpan {
  readonly first: number;
  readonly end: number;
}

/** Returns the rows in view, and a few beyond both ends. Pixels. */
export function visibleRows(
  rowCount: number,
  rowHeight: number,
  { scrollTop, height }: { readonly scrollTop: number; readonly height: number },
): RowSpan {
  const first = Math.max(0, Math.min(rowCount, Math.floor(scrollTop / rowHeight) - MARGIN_ROWS));
  const end = Math.min(rowCount, Math.ceil((scrollTop + height) / rowHeight) + MARGIN_ROWS); // (1)
  return { first, end: Math.max(first, end) };
}

// --- internal ---

const MARGIN_ROWS = 6;
