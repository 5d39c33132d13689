/**
 * Author fields: who acts, why, and for how long. Who acts is remembered in this browser.
 *
 * @module
 */

import type { VNode } from 'preact';

import { lasting } from '../browser.ts';
import { duration } from '../state/formats.ts';

/** Fields for who acts and why. */
export function AuthorFields(): VNode {
  return (
    <>
      <label class="field">
        <span>Reason</span>
        <input name="reason" required maxlength={500} autocomplete="off" placeholder="INC-4711: prices time out" />
      </label>
      <label class="field">
        <span>Your name</span>
        <input
          name="actor"
          required
          maxlength={200}
          autocomplete="username"
          defaultValue={lasting.read('actor') ?? ''}
        />
      </label>
    </>
  );
}

/** A field for how long it lasts. */
export function ExpiryField(): VNode {
  return (
    <label class="field">
      <span>Ends after</span>
      <select name="expiresInMs" defaultValue={String(DEFAULT_MS)}>
        {EXPIRIES_MS.map((ms) => (
          <option key={ms} value={ms} selected={ms === DEFAULT_MS}>
            {duration(ms)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Reads who acts and why; remembers who. */
export function authorOf(form: FormData): { readonly actor: string; readonly reason: string } {
  const actor = textOf(form, 'actor').trim();
  lasting.write('actor', actor);
  return { actor, reason: textOf(form, 'reason').trim() };
}

/** Reads for how long. Milliseconds. */
export function expiryOf(form: FormData): { readonly expiresInMs: number } {
  return { expiresInMs: Number(textOf(form, 'expiresInMs')) };
}

/** The text of a field; empty where there is none. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

// --- internal ---

const EXPIRIES_MS = [60_000, 300_000, 900_000, 1_800_000, 3_600_000, 14_400_000, 43_200_000, 86_400_000];
const DEFAULT_MS = 900_000;
