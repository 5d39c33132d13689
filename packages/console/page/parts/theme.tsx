/**
 * Theme: dark or light; as the system says, unless somebody chose.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { lasting } from '../browser.ts';

/** Applies a theme; by default the one that was chosen before. */
export function applyTheme(theme: string = lasting.read('theme') ?? 'auto'): void {
  document.documentElement.dataset['theme'] = theme;
}

/** A button that goes from the system's theme to light, to dark, and back. */
export function ThemeButton(): VNode {
  const [theme, setTheme] = useState(() => lasting.read('theme') ?? 'auto');
  const goOn = (): void => {
    const next = AFTER[theme] ?? 'auto';
    lasting.write('theme', next === 'auto' ? undefined : next);
    applyTheme(next);
    setTheme(next);
  };
  return (
    <button type="button" class="quiet" onClick={goOn} aria-label={`Theme: ${theme}`}>
      <svg class="mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="5.5" />
        {theme !== 'light' && <path class="filled" d={theme === 'dark' ? FULL : HALF} />}
      </svg>
    </button>
  );
}

// --- internal ---

const AFTER: Readonly<Record<string, string>> = { auto: 'light', light: 'dark', dark: 'auto' };
const HALF = 'M8 2.5a5.5 5.5 0 0 1 0 11z';
const FULL = 'M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0 -11z';
