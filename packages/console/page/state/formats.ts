/**
 * Formats: numbers and durations as people read them.
 *
 * @module
 */

/** A duration that counts down: `4:05`, `1:02:03`; `0:00` where it is over. Milliseconds. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** A duration in one unit: `85 ms`, `1.2 s`, `15 min`, `2 h`; null is any time. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return 'any time';
  if (ms < 1000) return `${trimmed(ms, ms < 10 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${trimmed(ms / 1000, 1)} s`;
  if (ms < 3_600_000) return `${trimmed(ms / 60_000, 1)} min`;
  return `${trimmed(ms / 3_600_000, 1)} h`;
}

/** A rate or count in at most four characters: `0`, `0.4`, `12`, `1.2k`, `3M`. */
export function amount(value: number): string {
  if (value >= 999_500) return `${trimmed(value / 1_000_000, value < 9_950_000 ? 1 : 0)}M`;
  if (value >= 999.5) return `${trimmed(value / 1000, value < 9950 ? 1 : 0)}k`;
  return trimmed(value, value < 9.95 ? 1 : 0);
}

/** A share as percent: `0 %`, `0.4 %`, `12 %`. What is above nothing never reads as nothing. */
export function percent(ratio: number): string {
  if (ratio > 0 && ratio < 0.001) return '<0.1 %';
  return `${trimmed(ratio * 100, ratio < 0.0995 ? 1 : 0)} %`;
}

/** A value of an option, short: null is not set. */
export function optionValue(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A text that others wrote, so that it turns nothing around it where it runs from right to left, or says that it does. */
export function isolated(text: string): string {
  return /[\p{Cf}\u0590-\u08ff\ufb1d-\ufefc]/u.test(text) ? `\u2068${text}\u2069` : text;
}

// --- internal ---

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0$/, '');
}
