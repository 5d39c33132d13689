/**
 * Browser: everything of the platform that is not a pure function: time, timers, frames, storage, requests.
 *
 * @module
 */

/** Calendar time of this machine. Milliseconds since 1970. */
export function nowMs(): number {
  return Date.now();
}

/** The time of day, in this machine's time zone: `14:03:09`; empty for what is no time. */
export function timeOfDay(at: string | number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleTimeString('en-GB');
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
