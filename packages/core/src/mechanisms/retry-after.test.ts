import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseRetryAfterMs } from './retry-after.ts';

/** Sunday, 6 November 1994, 08:49:37 GMT: the example of RFC 9110. */
const SIX_NOVEMBER = 784_111_777_000;

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7000],
    ['1.5', 1500],
    ['0.125', 125],
    ['999999999999999', 999_999_999_999_999_000],
  ])('charter H5: reads %j as seconds', (field, expected) => {
    expect(parseRetryAfterMs(field, SIX_NOVEMBER)).toBe(expected);
  });

  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'charter H5: reads the date %j, against the wall time that it is given',
    (field) => {
      expect(parseRetryAfterMs(field, SIX_NOVEMBER - 2500)).toBe(2500);
      expect(parseRetryAfterMs(field, SIX_NOVEMBER)).toBe(0);
    },
  );

  it('charter H5: takes a date that has passed for no wait', () => {
    expect(parseRetryAfterMs('Sun, 06 Nov 1994 08:49:37 GMT', SIX_NOVEMBER + 86_400_000)).toBe(0);
  });

  it.each([
    ['50 years ahead', 'Wednesday, 06-Nov-76 08:49:37 GMT', 2076],
    ['more than that: of the century before', 'Sunday, 06-Nov-77 08:49:37 GMT', 1977],
  ])('reads a year of two digits in 2026, %s', (_what, field, year) => {
    const now = Date.UTC(2026, 5, 1);
    expect(parseRetryAfterMs(field, now)).toBe(Math.max(0, Date.UTC(year, 10, 6, 8, 49, 37) - now));
  });

  it.each([
    [undefined],
    [null],
    [''],
    ['soon'],
    ['-5'],
    ['+5'],
    ['1e3'],
    ['0x10'],
    ['5s'],
    ['1,5'],
    ['Infinity'],
    ['2026-11-21'],
    ['2026-11-21T10:00:00Z'],
    ['Sun, 06 Nov 1994 08:49:37'],
    ['Sun, 06 Nov 1994 08:49:37 CET'],
    ['on Sun, 06 Nov 1994 08:49:37 GMT'],
    ['Sun, 06 Nov 1994 08:49:37 GMT+1'],
    ['on Sunday, 06-Nov-94 08:49:37 GMT'],
    ['Sunday, 06-Nov-94 08:49:37 GMT+1'],
    ['on Sun Nov  6 08:49:37 1994'],
    ['Sun Nov  6 08:49:37 1994 GMT'],
    ['Sun, 31 Feb 1994 08:49:37 GMT'],
    ['Sun, 29 Feb 1900 08:49:37 GMT'],
    ['Sun, 00 Nov 1994 08:49:37 GMT'],
    ['Sun, 06 Foo 1994 08:49:37 GMT'],
    ['Sun, 06 Nov 1994 24:00:00 GMT'],
    ['Sun, 06 Nov 1994 08:60:00 GMT'],
    ['Sun, 06 Nov 1994 8:49:37 GMT'],
  ])('makes nothing of %j', (field) => {
    expect(parseRetryAfterMs(field, SIX_NOVEMBER)).toBeUndefined();
  });

  it('agrees with the platform on every date from 1970 to 9999', () => {
    const instants = fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000);
    const property = fc.property(instants, (instant) => {
      expect(parseRetryAfterMs(new Date(instant).toUTCString(), 0)).toBe(instant);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('never throws, and gives nothing or a wait of 0 or more, whatever the field', () => {
    const fields = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$/),
    );
    const property = fc.property(fields, fc.integer({ min: 0, max: 4_000_000_000_000 }), (field, wallNowMs) => {
      const waitMs = parseRetryAfterMs(field, wallNowMs);
      expect(waitMs === undefined || (waitMs >= 0 && Number.isFinite(waitMs))).toBe(true);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it.each([
    ['Tue, 29 Feb 2000 00:00:00 GMT', Date.UTC(2000, 1, 29)],
    ['Wed Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
  ])('charter H5: knows the calendar: %j', (field, instant) => {
    expect(parseRetryAfterMs(field, instant - 1000)).toBe(1000);
  });
});
