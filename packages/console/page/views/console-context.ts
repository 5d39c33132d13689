/**
 * Console context: what every part of the console may need, without handing it down by hand.
 *
 * @module
 */

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import type { AdminClient } from '../api/admin-client.ts';
import type { Role } from '../api/answers.ts';
import { type ConsoleState, emptyState } from '../state/console-state.ts';

/** What parts of the console share. */
export interface Shared {
  readonly state: ConsoleState;
  readonly ask: AdminClient['ask'];
  /** Calendar time of this machine, a second old at most. Milliseconds since 1970. */
  readonly nowMs: number;
  /** Why the token may change nothing; undefined where it may. */
  readonly whyNot: string | undefined;
  readonly announce: (text: string) => void;
}

/** Provides what is shared. */
export const ConsoleContext = createContext<Shared>({
  state: emptyState,
  ask: () => Promise.reject(new Error('there is no session')),
  nowMs: 0,
  whyNot: 'There is no session.',
  announce: () => {},
});

/** Returns what is shared. */
export function useConsole(): Shared {
  return useContext(ConsoleContext);
}

/** Says why a role may change nothing; undefined where it may. */
export function whyNotOf(role: Role | undefined): string | undefined {
  if (role === undefined) return 'Not known yet what your token may do.';
  return role === 'viewer' ? 'Your token only looks: a viewer changes nothing.' : undefined;
}
