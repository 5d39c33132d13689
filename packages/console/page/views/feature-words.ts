/**
 * Feature words: why a feature is in its mode, in few words.
 *
 * @module
 */

import type { Feature, Override } from '../api/answers.ts';
import { isolated, percent } from '../state/formats.ts';

/** Says who or what decided. */
export function sourceOf({ override, decidedBy, mode, defaultMode }: Feature): string {
  if (override !== undefined) return `${isolated(override.actor)}: ${isolated(override.reason)}`;
  return mode === defaultMode && decidedBy === 'default' ? 'default' : decidedBy;
}

/** Says what an override asks for: `force off for 10 %`. */
export function askOf({ kind, mode, shareRatio, match, isRestoring }: Override): string {
  const words = { force: 'exactly', atLeast: 'at least', atMost: 'at most' }[kind];
  const share = shareRatio < 1 ? ` for ${percent(shareRatio)}` : '';
  const who = match.length > 0 ? ` of who matches ${match.length} conditions` : '';
  return `${words} ${mode}${share}${who}${isRestoring ? ', being taken back' : ''}`;
}
