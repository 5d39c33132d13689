import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  formatGoDuration,
  formatGrpcTimeout,
  formatUnixNano,
  parseGoDuration,
  parseGrpcTimeout,
  parseUnixNano,
  timeLeftFormats,
} from './time-left.ts';

const formats = Object.entries(timeLeftFormats);

/** Times of all sizes, also those that a product with 1000 or a million rounds up. */
const times = fc.oneof(
  fc.double({ min: 0, max: 1e11, noNaN: true }),
  fc.double({ min: 0, max: 1000, noNaN: true }),
  fc.integer({ min: 0, max: 100_000_000_000 }),
);

describe('the time left', { timeout: 60_000 }, () => {
  it.each(formats)(
    '(1): in %s, is never read as more than was written, nor as much less',
    (name, { parse, format }) => {
      fc.assert(
        fc.property(times, (ms) => {
          const read = parse(format(ms)) ?? Infinity;
          const least = name.startsWith('x-envoy') ? 1 : 1e-6; // those formats have no 0

          expect(read).toBeLessThanOrEqual(Math.max(ms, least));
          expect(read).toBeGreaterThan(Math.min(ms, 2_147_483_647, 9_999_999_999) - 1001);
        }),
      );
    },
  );

  it('(1): is exact to a millisecond below a day', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 86_400_000, noNaN: true }), (ms) => {
        for (const [, { parse, format }] of formats) expect(parse(format(ms)) ?? 0).toBeGreaterThan(ms - 1);
      }),
    );
  });

  it('(2), (3): is undefined where a text is not of the format, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 1 }), fc.string({ unit: 'binary', maxLength: 100 }), (thing, text) => {
        for (const parse of [...formats.map(([, format]) => format.parse), parseUnixNano]) {
          for (const each of [thing as string, text]) {
            const read = parse(each);
            expect(read === undefined || (typeof read === 'number' && !Number.isNaN(read))).toBe(true);
          }
        }
      }),
    );
  });

  it('(2): takes no time to speak of for a long text that is nearly of a format', () => {
    for (const text of ['9'.repeat(1e6), `${'1'.repeat(1e6)}.`, '1m'.repeat(1e6), `${'.'.repeat(1e6)}1h`]) {
      for (const [, { parse }] of formats) expect(parse(text)).toBeUndefined();
    }
  });

  it.each([NaN, -1, Infinity, '5' as never])('is not written for %s', (ms) => {
    for (const format of [...formats.map(([, each]) => each.format), formatUnixNano])
      expect(() => format(ms)).toThrow('must be 0 or more milliseconds and finite');
  });
});

describe('grpc-timeout', { timeout: 60_000 }, () => {
  it.each([
    ['1S', 1000],
    ['250m', 250],
    ['99999999n', 99.999999],
    ['1500u', 1.5],
    ['2M', 120_000],
    ['1H', 3_600_000],
    ['0m', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseGrpcTimeout(text)).toBeCloseTo(ms, 6);
  });

  it.each(['', '1', 'S', '123456789m', '1.5S', '-1S', '1 S', '1s', '1S\n', ' 1S', '1S1m', '١S'])(
    '(3): %j is none',
    (text) => {
      expect(parseGrpcTimeout(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '1n'],
    [0.0005, '500n'],
    [0.5, '500u'],
    [812.3456, '812345u'],
    [99_999.999, '99999999u'],
    [100_000, '100000m'],
    [99_999_999, '99999999m'],
    [100_000_000, '100000S'],
    [30 * 86_400_000, '2147483S'],
    [Number.MAX_VALUE, '2147483S'],
  ])('of %d ms is %s', (ms, text) => {
    expect(formatGrpcTimeout(ms)).toBe(text);
  });
});

describe('a duration as in Go', { timeout: 60_000 }, () => {
  it.each([
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['2h45m10.5s', 9_910_500],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['100μs', 0.1],
    ['100ns', 0.0001],
    ['0', 0],
    ['-0', 0],
    ['0s', 0],
    ['+5s', 5000],
    ['-1.5s', -1500],
  ])('%s is %d ms', (text, ms) => {
    expect(parseGoDuration(text)).toBeCloseTo(ms, 6);
  });

  it.each(['', '5', '-', '.s', '1s 2s', '1S', 's', '1.5.5s', '1d', '1h-5m', '--5s', 'NaNs', '1e3s', '1s,'])(
    '(3): %j is none',
    (text) => {
      expect(parseGoDuration(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0ms'],
    [0.25, '250us'],
    [812.9, '812ms'],
    [90_000, '90000ms'],
  ])('of %d ms is %s', (ms, text) => {
    expect(formatGoDuration(ms)).toBe(text);
  });
});

describe('milliseconds of Envoy and of Connect', { timeout: 60_000 }, () => {
  it('know no 0 and know one, respectively', () => {
    const { 'x-envoy-expected-rq-timeout-ms': envoy, 'connect-timeout-ms': connect } = timeLeftFormats;

    expect([envoy.parse('0'), envoy.format(0), envoy.format(0.9)]).toEqual([undefined, '1', '1']);
    expect([connect.parse('0'), connect.format(0), connect.format(0.9)]).toEqual([0, '0', '0']);
    expect([envoy.parse('2000'), connect.parse('1500'), connect.format(1500.9)]).toEqual([2000, 1500, '1500']);
  });

  it.each(['', '1.5', '-1', '1e3', '0x10', '12345678901', '5ms'])('(3): %j is none', (text) => {
    for (const name of ['x-envoy-upstream-rq-timeout-ms', 'connect-timeout-ms'] as const)
      expect(timeLeftFormats[name].parse(text)).toBeUndefined();
  });
});

describe('an instant in nanoseconds', { timeout: 60_000 }, () => {
  it('is read and written without the loss of a double', () => {
    expect(parseUnixNano('1715230805000000000')).toBe(1_715_230_805_000);
    expect(parseUnixNano('1715230805123456789')).toBeCloseTo(1_715_230_805_123.456, 3);
    expect(formatUnixNano(1_715_230_805_000)).toBe('1715230805000000000');
    expect(formatUnixNano(0)).toBe('0');
  });

  it.each(['', '-1', '1.5', '12345678901234567890', '1e18'])('(3): %j is none', (text) => {
    expect(parseUnixNano(text)).toBeUndefined();
  });
});
