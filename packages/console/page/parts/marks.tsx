/**
 * Marks: small drawings that say a state by their shape, beside the words that say it.
 *
 * @module
 */

import type { VNode } from 'preact';

/** The mark of Holdfast. */
export function Logo(): VNode {
  return (
    <svg class="logo" viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
      <rect width="16" height="16" rx="3.5" class="logo-ground" />
      <path d="M4.5 3v10M11.5 3v3.2M11.5 9.8V13M4.5 8h4.2" class="logo-line" />
    </svg>
  );
}

/** The state of a circuit: a switch that is closed, open, or half-way, with a bar below it where it is held. */
export function CircuitMark({ state }: { readonly state: string }): VNode {
  return (
    <svg class="mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={SWITCHES[state] ?? SWITCHES['open']} />
      <circle cx="3" cy="8" r="1.6" />
      <circle cx="13" cy="8" r="1.6" />
      {state.startsWith('forced-') && <path d="M3 13.5h10" />}
    </svg>
  );
}

/** A circuit's state: its mark and its name. */
export function CircuitStateLabel({ state }: { readonly state: string }): VNode {
  return (
    <span class={`state state-${state}`}>
      <CircuitMark state={state} />
      {STATE_NAMES[state] ?? state}
    </span>
  );
}

/** The states in words. */
export const STATE_NAMES: Readonly<Record<string, string>> = {
  closed: 'Closed',
  open: 'Open',
  'half-open': 'Half-open',
  'forced-open': 'Held open',
  'forced-closed': 'Held closed',
};

// --- internal ---

const SWITCHES: Readonly<Record<string, string>> = {
  closed: 'M4.6 8h6.8',
  'forced-closed': 'M4.6 8h6.8',
  'half-open': 'M4.4 7.3l6 -2.6',
  open: 'M4.2 6.8l4.6 -5',
  'forced-open': 'M4.2 6.8l4.6 -5',
};
