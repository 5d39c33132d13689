/**
 * Time left: how the time until a deadline is written in headers, and read from them. Pure functions of text and milliseconds.
 *
 * What travels is the time that is left, not an instant, because the clocks of two hosts differ. It is written rounded down.
 *
 * Invariants
 *  (1) What is read from a text written here is never more than the time it was written from.
 *  (2) No input makes reading throw, and reading takes time linear in the length of the input.
 *  (3) What is not of the format is undefined: nothing is guessed from it.
 *
 * @module
 */

/** One format of a header. */
export interface TimeLeftFormat {
  /** Reads milliseconds, 0 or less where time has run out; undefined for no limit, and for what is not of the format. */
  readonly parse: (text: string) => number | undefined;
  /** Writes milliseconds, 0 or more and finite. */
  readonly format: (ms: number) => string;
}

/** The headers that carry the time left, by their names. */
export const timeLeftFormats: Readonly<Record<TimeLeftHeader, TimeLeftFormat>> = Object.freeze({
  'x-request-timeout': { parse: parseGoDuration, format: formatGoDuration },
  'grpc-timeout': { parse: parseGrpcTimeout, format: formatGrpcTimeout },
  'connect-timeout-ms': { parse: parseWholeMs, format: (ms: number) => wholeMs(ms, 0) },
  'x-envoy-expected-rq-timeout-ms': { parse: parseEnvoyMs, format: (ms: number) => wholeMs(ms, 1) },
  'x-envoy-upstream-rq-timeout-ms': { parse: parseEnvoyMs, format: (ms: number) => wholeMs(ms, 1) },
});

/**
 * A header that carries the time left: `x-request-timeout: 1m30s`, `grpc-timeout: 250m`, `connect-timeout-ms: 250`, and those
 * of Envoy, `x-envoy-expected-rq-timeout-ms` from it and `x-envoy-upstream-rq-timeout-ms` to it.
 */
export type TimeLeftHeader =
  | 'x-request-timeout'
  | 'grpc-timeout'
  | 'connect-timeout-ms'
  | 'x-envoy-expected-rq-timeout-ms'
  | 'x-envoy-upstream-rq-timeout-ms';

/**
 * Reads a `grpc-timeout`: up to eight digits and a unit, H, M, S, m, u or n. Milliseconds, with fractions.
 *
 * Source: gRPC over HTTP2, "Timeout", The gRPC Authors, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 * Deviation: 0 is read as no time left.
 */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(asText(text)) ?? [];
  return unit === undefined ? undefined : Number(digits) * (grpcUnitsMs[unit] as number);
}

/**
 * Writes a `grpc-timeout`, in the finest unit from microseconds up that holds it. At most 2^31-1 milliseconds are written, for
 * grpc-js takes more for a time in the past; at least one nanosecond, for the format has no 0.
 */
export function formatGrpcTimeout(ms: number): string {
  const left = Math.min(requireMs(ms), MAX_TIMER_MS);
  const us = floored(left, 1000);
  if (us < 1) return `${Math.max(1, floored(left, 1_000_000))}n`;
  if (us < MAX_GRPC_AMOUNT) return `${us}u`;
  return left < MAX_GRPC_AMOUNT ? `${Math.floor(left)}m` : `${Math.floor(left / 1000)}S`;
}

/**
 * Reads a duration as Go writes it: `30s`, `1m30s`, `1.5h`, `500ms`, `0`; units ns, us, µs, ms, s, m, h. Milliseconds, with
 * fractions; below 0 for what has a minus.
 *
 * Source: time.ParseDuration, The Go Authors, https://pkg.go.dev/time#ParseDuration.
 * Deviation: texts of more than 64 characters are not of the format.
 */
export function parseGoDuration(text: string): number | undefined {
  const [, sign, rest = ''] = /^([+-]?)([\d.a-zµμ]{1,64})$/.exec(asText(text)) ?? [];
  if (rest === '0') return 0;
  let ms = 0;
  let end = 0;
  for (const part of rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)) {
    ms += Number(part[1]) * (goUnitsMs[part[2] as string] as number);
    end = part.index + part[0].length;
  }
  if (rest === '' || end !== rest.length) return undefined; // (3)
  return sign === '-' ? -ms : ms;
}

/** Writes a duration as Go reads it: whole milliseconds, or microseconds where there is less than one. */
export function formatGoDuration(ms: number): string {
  const left = requireMs(ms);
  return left >= 1 || left === 0 ? `${Math.floor(left)}ms` : `${floored(left, 1000)}us`;
}

/** Reads an instant in nanoseconds since 1970, up to 19 digits. Milliseconds since 1970, with fractions. */
export function parseUnixNano(text: string): number | undefined {
  const digits = asText(text);
  return /^\d{1,19}$/.test(digits) ? Number(BigInt(digits) / 1000n) / 1000 : undefined;
}

/** Writes an instant, milliseconds since 1970, in nanoseconds since 1970. */
export function formatUnixNano(ms: number): string {
  return String(BigInt(floored(requireMs(ms), 1000)) * 1000n);
}

// --- internal ---

/** The longest time that timers hold, on this platform and on grpc-js's side of the wire. */
const MAX_TIMER_MS = 2_147_483_647;

const MAX_GRPC_AMOUNT = 100_000_000;

const grpcUnitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

const goUnitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Reads whole milliseconds, up to ten digits. */
function parseWholeMs(text: string): number | undefined {
  const digits = asText(text);
  return /^\d{1,10}$/.test(digits) ? Number(digits) : undefined;
}

/** As above; for Envoy, 0 means that there is no limit. */
function parseEnvoyMs(text: string): number | undefined {
  return parseWholeMs(text) || undefined;
}

function wholeMs(ms: number, least: number): string {
  return String(Math.min(Math.max(least, Math.floor(requireMs(ms))), 9_999_999_999));
}

/** `ms` in units of which a millisecond has `perMs`, rounded down also where the product was rounded up. */
function floored(ms: number, perMs: number): number {
  const amount = Math.floor(ms * perMs);
  return amount / perMs > ms ? amount - 1 : amount; // (1)
}

function requireMs(ms: number): number {
  if (typeof ms === 'number' && ms >= 0 && ms < Infinity) return ms;
  throw new RangeError(`the time left must be 0 or more milliseconds and finite, got ${String(ms)}`);
}

function asText(text: unknown): string {
  return typeof text === 'string' ? text : ''; // (2)
}
