/**
 * Place: what of the console is looked at, as the fragment of the address says it: `#/circuits/prices`.
 *
 * @module
 */

/** The views, in the order of the tabs. */
export const views = ['circuits', 'features', 'pipelines', 'audit'] as const;

/** One of the views. */
export type View = (typeof views)[number];

/** A view, and what is chosen in it. */
export interface Place {
  readonly view: View;
  /** The id or name of what is chosen; undefined where nothing is. */
  readonly chosen: string | undefined;
}

/** Reads a fragment; what is not understood leads to the circuits. */
export function placeOf(fragment: string): Place {
  const [, name = '', rest = ''] = /^#\/([a-z]+)(?:\/(.+))?$/.exec(fragment) ?? [];
  const view = views.find((known) => known === name) ?? 'circuits';
  return { view, chosen: rest === '' || view !== name ? undefined : decoded(rest) };
}

/** Writes a fragment. */
export function fragmentOf(view: View, chosen?: string): string {
  return chosen === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(chosen)}`;
}

// --- internal ---

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
