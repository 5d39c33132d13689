/**
 * Announcer: tells screen readers what changed, not more often than they can say it.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useCallback, useRef, useState } from 'preact/hooks';

import { after } from '../browser.ts';

/** Returns the text to announce now, and what announces another. Of texts that come too fast, the last is said. */
export function useAnnouncer(): { readonly announcement: string; readonly announce: (text: string) => void } {
  const [announcement, setAnnouncement] = useState('');
  const next = useRef<string | undefined>(undefined);
  const isBusy = useRef(false);
  const announce = useCallback((text: string): void => {
    next.current = text;
    if (isBusy.current) return;
    const say = (): void => {
      const said = next.current;
      next.current = undefined;
      isBusy.current = said !== undefined;
      if (said === undefined) return;
      setAnnouncement(said);
      after(PAUSE_MS, say);
    };
    say();
  }, []);
  return { announcement, announce };
}

/** Where announcements stand; not seen. */
export function Announcer({ text }: { readonly text: string }): VNode {
  return (
    <p class="unseen" aria-live="polite" role="status" data-test="announcement">
      {text}
    </p>
  );
}

// --- internal ---

const PAUSE_MS = 3000;
