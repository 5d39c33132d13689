/**
 * Browser: everything of the platform that is not a pure function: time, timers, frames, storage, requests.
 *
 * @module
 */

/** Calendar time of this machine. Milliseconds since 1970. */
export function nowMs(): number {
  return Date.now();
}

/**
 * A time in this machine's time zone: `14:03:09`, and with its day where that is another one than `nowMs` is on:
 * `2026-01-31 14:03:09`. Empty for what is no time.
 */
export function timeAt(at: string | number, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const time = date.toLocaleTimeString('en-GB');
  const day = dayOf(date);
  return day === dayOf(new Date(now)) ? time : `${day} ${time}`;
}

/** Calls `then` after `ms`; returns what cancels that. */
export function after(ms: number, then: () => void): () => void {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
}

/** Calls `then` every `ms`; returns what ends that. */
export function every(ms: number, then: () => void): () => void {
  const timer = setInterval(then, ms);
  return () => clearInterval(timer);
}

/** Calls `then` before the next frame is drawn; soon, where the page is not drawn at all. */
export function beforeNextFrame(then: () => void): void {
  if (document.visibilityState === 'visible') requestAnimationFrame(then);
  else setTimeout(then, 250);
}

/** Resolves when somebody may look at the page: at once, unless it is in a tab behind another; or when `signal` aborts. */
export function untilSeen(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.visibilityState === 'hidden' && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** Calls `then` when nobody has looked at the page for `ms`; returns what ends that. */
export function whenUnseen(ms: number, then: () => void): () => void {
  let cancel: (() => void) | undefined;
  const look = (): void => {
    cancel?.();
    cancel = document.visibilityState === 'hidden' ? after(ms, then) : undefined;
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    document.removeEventListener('visibilitychange', look);
    cancel?.();
  };
}

/** The address of the API: the page is one folder below. */
export function apiBase(): string {
  return new URL('../', location.href).href;
}

/** The platform's fetch. */
export function ask(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, { ...init, cache: 'no-store', credentials: 'omit', redirect: 'error' });
}

/** What is kept until the tab is closed. */
export const session: Memory = memoryOf(() => sessionStorage);

/** What is kept for the next time, in this browser. */
export const lasting: Memory = memoryOf(() => localStorage);

/** A few texts, by name. */
export interface Memory {
  read(name: string): string | undefined;
  /** Undefined forgets it. */
  write(name: string, value: string | undefined): void;
}

// --- internal ---

function dayOf(date: Date): string {
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map((part) => String(part).padStart(2, '0')).join('-');
}

/** A browser may forbid its storage: then nothing is kept. */
function memoryOf(storage: () => Storage): Memory {
  return {
    read(name) {
      try {
        return storage().getItem(`holdfast.${name}`) ?? undefined;
      } catch {
        return undefined;
      }
    },
    write(name, value) {
      try {
        if (value === undefined) storage().removeItem(`holdfast.${name}`);
        else storage().setItem(`holdfast.${name}`, value);
      } catch {
        // then it is asked for again
      }
    },
  };
}
