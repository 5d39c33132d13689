/**
 * Retry-After: reads the field by which an HTTP server says when to come back.
 *
 * Source: RFC 9110, HTTP Semantics, R. Fielding et al., 2022, sections 10.2.3 (Retry-After) and 5.6.7 (the three forms of a
 * date), https://www.rfc-editor.org/rfc/rfc9110.html#field.retry-after.
 * Deviation: a fraction of a second is read as well, as some servers send one. A day of the week is not checked.
 * Cost: constant.
 *
 * @module
 */

/**
 * Returns how long a `Retry-After` field asks to wait. Milliseconds, 0 where that time has come; undefined where the field is
 * missing or says neither seconds nor a date.
 *
 * @param field - The value of the field: `120`, or `Sun, 06 Nov 1994 08:49:37 GMT`.
 * @param wallNowMs - The wall time now, as `Date.now()` tells it, for dates. Better that of the response's `Date` field, so
 *   that the two machines' clocks need not agree.
 */
export function parseRetryAfterMs(field: string | null | undefined, wallNowMs: number): number | undefined {
  const text = field?.trim() ?? '';
  if (/^\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text) * 1000;
  const instant = dateMs(text, wallNowMs);
  return instant === undefined ? undefined : Math.max(0, instant - wallNowMs);
}

// --- internal ---

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const FIXED = /^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>[\d:]{8}) GMT$/;
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const OLD = /^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>[\d:]{8}) GMT$/;
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>[\d:]{8}) (?<year>\d{4})$/;

/** The instant that a date of HTTP names, on the wall clock in milliseconds; undefined where there is none. */
function dateMs(text: string, wallNowMs: number): number | undefined {
  const parts = (FIXED.exec(text) ?? OLD.exec(text) ?? ASCTIME.exec(text))?.groups;
  if (parts === undefined) return undefined;
  const day = dayOf(yearOf(parts['year'] ?? '', wallNowMs), MONTHS.indexOf(parts['month'] ?? ''), Number(parts['day']));
  const timeMs = timeOfDayMs(parts['time'] ?? '');
  return day === undefined || timeMs === undefined ? undefined : day * DAY_MS + timeMs;
}

function timeOfDayMs(text: string): number | undefined {
  const [, hour = '', minute = '', second = ''] = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)$/.exec(text) ?? []; // 60: a leap second
  return hour === '' ? undefined : ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000;
}

/** Days from 1 January 1970 to a date; undefined where there is no such date. Months count from 0. */
function dayOf(year: number, month: number, day: number): number | undefined {
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const lengths = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (day < 1 || !(day <= (lengths[month] ?? 0))) return undefined;
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - LEAP_DAYS_BEFORE_1970;
  const inYear = lengths.slice(0, month).reduce((sum, length) => sum + length, day - 1);
  return (year - 1970) * 365 + leapDays + inYear;
}

/** A year of two digits that seems more than 50 years ahead is one of the century before. */
function yearOf(digits: string, wallNowMs: number): number {
  if (digits.length > 2) return Number(digits);
  const thisYear = 1970 + Math.floor(wallNowMs / (365.2425 * DAY_MS));
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const LEAP_DAYS_BEFORE_1970 = 477;
