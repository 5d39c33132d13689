/**
 * Precedence: which of several wishes decides the mode of a feature. Pure, and the only place where it is decided.
 *
 *  1  break-glass                     exactly its mode
 *  2  manual `force`                  exactly its mode
 *  3  automatic                       the worst of the automatic overrides and the level, no worse than `worstAutomatic`
 *  4  schedule                        exactly its mode
 *  5  the default                     the best mode
 *
 * What 3, 4 or 5 come to is then kept within the manual bounds: no better than `atLeast`, no worse than `atMost`. Of several
 * of one rank the one with the narrowest scope decides, then the one with the highest revision.
 *
 * Invariants
 *  (1) The result is one of the feature's modes.
 *  (2) Where `atLeast` is worse than `atMost`, `atLeast` wins, because it protects; that is a conflict.
 *  (3) Of two overrides of one rank and scope that ask for different things, the newer wins; that is a conflict.
 *  (4) The order in which overrides are given does not matter.
 *
 * @module
 */

import type { OverrideKind, OverrideSource } from './override.ts';

/** A wish for a mode that concerns the request at hand. */
export interface Wish {
  readonly id: string;
  readonly kind: OverrideKind;
  readonly source: OverrideSource;
  /** Position of the mode among the feature's modes; 0 is the best. */
  readonly position: number;
  readonly specificity: number;
  readonly revision: number;
}

/** What is wished for, and what the level says. */
export interface Wishes<W extends Wish = Wish> {
  readonly overrides: readonly W[];
  /** Position of the mode that the brownout level asks for; 0 when it asks for nothing. */
  readonly levelPosition: number;
  /** How far automatic changes may go. */
  readonly worstAutomatic: number;
}

/** What decided. */
export type DecidedBy = OverrideSource | 'level' | 'default';

/** The mode that wins. */
export interface Decision<W extends Wish = Wish> {
  readonly position: number;
  readonly decidedBy: DecidedBy;
  /** The override that decided; undefined where none did. */
  readonly override: W | undefined;
  /** Pairs of overrides that contradict one another: the one that was followed, the one that was not. */
  readonly conflicts: readonly (readonly [string, string])[];
}

/** Decides. */
export function decide<W extends Wish>({ overrides, levelPosition, worstAutomatic }: Wishes<W>): Decision<W> {
  const conflicts: (readonly [string, string])[] = [];
  const pick = (source: OverrideSource, kind: OverrideKind): W | undefined =>
    pickOne(
      overrides.filter((one) => one.source === source && one.kind === kind),
      conflicts,
    );
  const forced = pick('break-glass', 'force') ?? pick('manual', 'force');
  if (forced !== undefined) return { position: forced.position, decidedBy: forced.source, override: forced, conflicts };
  const base = automaticOf(overrides, { levelPosition, worstAutomatic }) ?? scheduledOf(pick('schedule', 'force'));
  return clamp(base, { atLeast: pick('manual', 'atLeast'), atMost: pick('manual', 'atMost') }, conflicts);
}

// --- internal ---

type Base<W extends Wish> = Omit<Decision<W>, 'conflicts'>;

function pickOne<W extends Wish>(candidates: readonly W[], conflicts: (readonly [string, string])[]): W | undefined {
  const [first, ...others] = candidates.toSorted(strongerFirst); // (4)
  for (const other of others) {
    if (other.specificity === first?.specificity && other.position !== first.position)
      conflicts.push([first.id, other.id]); // (3)
  }
  return first;
}

function strongerFirst(a: Wish, b: Wish): number {
  return b.specificity - a.specificity || b.revision - a.revision || (a.id < b.id ? -1 : 1);
}

function automaticOf<W extends Wish>(
  overrides: readonly W[],
  { levelPosition, worstAutomatic }: Pick<Wishes, 'levelPosition' | 'worstAutomatic'>,
): Base<W> | undefined {
  let worst: Base<W> | undefined;
  if (levelPosition > 0) worst = { position: levelPosition, decidedBy: 'level', override: undefined };
  for (const one of overrides.filter(({ source }) => source === 'automatic').toSorted(strongerFirst)) {
    if (one.position > (worst?.position ?? 0))
      worst = { position: one.position, decidedBy: 'automatic', override: one };
  }
  const position = Math.min(worst?.position ?? 0, worstAutomatic);
  return worst === undefined || position === 0 ? undefined : { ...worst, position };
}

function scheduledOf<W extends Wish>(scheduled: W | undefined): Base<W> {
  if (scheduled === undefined) return { position: 0, decidedBy: 'default', override: undefined };
  return { position: scheduled.position, decidedBy: 'schedule', override: scheduled };
}

function clamp<W extends Wish>(
  base: Base<W>,
  { atLeast, atMost }: { readonly atLeast: W | undefined; readonly atMost: W | undefined },
  conflicts: (readonly [string, string])[],
): Decision<W> {
  if (atLeast !== undefined && atMost !== undefined && atLeast.position > atMost.position)
    conflicts.push([atLeast.id, atMost.id]); // (2)
  const kept = atMost !== undefined && base.position > atMost.position ? byBound(atMost) : base;
  const decided = atLeast !== undefined && kept.position < atLeast.position ? byBound(atLeast) : kept;
  return { ...decided, conflicts };
}

function byBound<W extends Wish>(bound: W): Base<W> {
  return { position: bound.position, decidedBy: 'manual', override: bound };
}
