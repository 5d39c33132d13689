import assert from 'node:assert/strict';
import { inspect, types } from 'node:util';

import { describe, expect, it } from 'vitest';

import { BulkheadFullError } from '../policies/bulkhead/bulkhead.ts';
import { CircuitOpenError } from '../policies/circuit-breaker/circuit-events.ts';
import { FallbackError } from '../policies/fallback/fallback.ts';
import { TimeoutError } from '../policies/timeout/timeout.ts';
import { CancelledError, DeadlineExceededError, isCancelled, isTimeout } from './cancellation.ts';
import { HookError, RejectionError, ResilienceError, isRejection, isResilienceError, messageOf } from './errors.ts';
import { ConfigError } from './options.ts';

const cause = new Error('the cause');
interface Row {
  readonly error: Error & { readonly code?: string };
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly refuses?: true;
}

/** Every error of core. */
const table: readonly Row[] = [
  { error: new CancelledError(), name: 'AbortError', code: 'CANCELLED', message: 'the context was cancelled' },
  {
    error: new DeadlineExceededError(),
    name: 'TimeoutError',
    code: 'DEADLINE_EXCEEDED',
    message: 'the deadline of the context passed',
  },
  {
    error: new TimeoutError('prices', 300),
    name: 'TimeoutError',
    code: 'TIMEOUT',
    message: 'prices gave up after 300 ms',
  },
  {
    error: new CircuitOpenError('prices', 'open', 70),
    name: 'CircuitOpenError',
    code: 'CIRCUIT_OPEN',
    message: 'prices is open',
    refuses: true,
  },
  {
    error: new CircuitOpenError('prices', 'half-open-full', 7),
    name: 'CircuitOpenError',
    code: 'CIRCUIT_OPEN',
    message: 'prices is half-open and probing',
    refuses: true,
  },
  {
    error: new BulkheadFullError('prices', 'queue-full', { maxConcurrent: 3, maxQueued: 4 }),
    name: 'BulkheadFullError',
    code: 'BULKHEAD_FULL',
    message: 'prices is full: 3 running, 4 waiting',
    refuses: true,
  },
  {
    error: new FallbackError('prices', cause, 0),
    name: 'FallbackError',
    code: 'FALLBACK_FAILED',
    message: 'prices failed after the operation had failed',
  },
  {
    error: new HookError('listener', { cause }),
    name: 'HookError',
    code: 'HOOK_FAILED',
    message: 'listener failed, and no caller is told of it',
  },
  {
    error: new ConfigError('retry.maxAttempts', 'an integer', 0),
    name: 'ConfigError',
    code: 'INVALID_CONFIG',
    message: 'retry.maxAttempts must be an integer, got 0',
  },
];

describe('errors', () => {
  it.each(table)('charter F7: $name has code $code and says: $message', ({ error, name, code, message, refuses }) => {
    expect({ name: error.name, code: error.code, message: error.message }).toEqual({ name, code, message });
    expect(isRejection(error)).toBe(refuses === true);
    expect(isResilienceError(error)).toBe(true);
    expect(String(error)).toBe(`${name}: ${message}`);
    expect(Object.keys(error)).not.toContain('name');
  });

  it('charter D10: those of an open circuit say when to come back', () => {
    expect(new CircuitOpenError('prices', 'open', 70)).toMatchObject({
      retryAfterMs: 70,
      policy: 'prices',
      reason: 'open',
    });
    expect(
      new BulkheadFullError('prices', 'queue-full', { maxConcurrent: 3, maxQueued: 4 }).retryAfterMs,
    ).toBeUndefined();
  });

  it('(1) charter F6: carry no stack frames, and leave the limit as it was', () => {
    const limit = Error.stackTraceLimit;
    const error = new CircuitOpenError('prices', 'open', 70);

    expect(error.stack).toBe('CircuitOpenError: prices is open');
    expect(Error.stackTraceLimit).toBe(limit);
    expect(new Error('of somebody else').stack).toContain('errors.test.ts');
  });

  it('(2) a rejection is known by its brand, and by nothing else', () => {
    class Refused extends RejectionError {
      readonly code = 'REFUSED';
    }

    expect(isRejection(new Refused('no'))).toBe(true);
    expect(isRejection({ code: 'CIRCUIT_OPEN', name: 'CircuitOpenError' })).toBe(false);
    expect(isRejection(new TimeoutError('prices', 1))).toBe(false);
  });

  it('(3) keep the error of the caller as the very cause', () => {
    const frozen = Object.freeze(new Error('frozen'));

    expect(new FallbackError('prices', frozen, 1).cause).toBe(frozen);
    expect(new HookError('listener', { cause: 'a string' }).cause).toBe('a string');
    expect('cause' in new CancelledError()).toBe(false);
  });

  it('charter J5: of another copy of the library are known as well', () => {
    const resilience = Symbol.for('@holdfast/resilience-error');
    const foreign = { [resilience]: true, [Symbol.for('@holdfast/rejection-error')]: true, code: 'CANCELLED' };

    expect([isResilienceError(foreign), isRejection(foreign), isCancelled(foreign)]).toEqual([true, true, true]);
  });

  it('guards never throw, whatever they are given', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('hostile');
        },
        has: () => {
          throw new Error('hostile');
        },
      },
    );
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();

    for (const value of [hostile, revoked.proxy, null, undefined, 7, 'x', Symbol('s'), () => {}, Object.create(null)]) {
      expect([isResilienceError(value), isRejection(value), isCancelled(value), isTimeout(value)]).toEqual([
        false,
        false,
        false,
        false,
      ]);
    }
  });

  it('know errors, not classes of errors', () => {
    const branded = Object.assign(() => {}, {
      [Symbol.for('@holdfast/resilience-error')]: true,
      [Symbol.for('@holdfast/rejection-error')]: true,
      code: 'CANCELLED',
    });

    expect([isResilienceError(branded), isRejection(branded), isCancelled(branded)]).toEqual([false, false, false]);
    expect(isTimeout(Object.defineProperty(() => {}, 'name', { value: 'TimeoutError' }))).toBe(false);
  });

  it('have a name that can be set, as those of the platform have', () => {
    const error = new CancelledError();
    error.name = 'MineError';

    expect(String(error)).toBe('MineError: the context was cancelled');
    expect(Object.getOwnPropertyDescriptor(CancelledError.prototype, 'name')).toEqual({
      value: 'AbortError',
      writable: true,
      enumerable: false,
      configurable: true,
    });
  });

  describe('(4) of refusals, which the platform does not make,', () => {
    class Refused extends RejectionError {
      readonly code = 'REFUSED';
    }
    const refused = new Refused('not now', { policy: 'prices', retryAfterMs: 70 });

    it('are errors to whoever asks their class or their tag', () => {
      expect(refused).toBeInstanceOf(Refused);
      expect(refused).toBeInstanceOf(RejectionError);
      expect(refused).toBeInstanceOf(ResilienceError);
      expect(refused).toBeInstanceOf(Error);
      expect(Object.prototype.toString.call(refused)).toBe('[object Error]');
      expect(Reflect.get(Refused, 'captureStackTrace')).toBe(Reflect.get(Error, 'captureStackTrace'));
    });

    it('are none to whoever asks the platform, where all others are', () => {
      expect([types.isNativeError(refused), types.isNativeError(new CancelledError())]).toEqual([false, true]);
    });

    it('have text, stack and what tells more as properties of their own, with which they are sent and copied', () => {
      const own = { message: 'not now', stack: 'Error: not now', policy: 'prices', retryAfterMs: 70, code: 'REFUSED' };

      expect(Object.assign({}, refused)).toEqual(own);
      expect(JSON.parse(JSON.stringify(refused))).toEqual(own);
      expect(structuredClone(refused)).toEqual(own);
    });

    it('keep a cause as any error does, and have none where there is none', () => {
      const withCause = new Refused('not now', { cause });

      expect(withCause.cause).toBe(cause);
      expect(Object.getOwnPropertyDescriptor(withCause, 'cause')).toEqual(
        Object.getOwnPropertyDescriptor(new Error('any', { cause }), 'cause'),
      );
      expect('cause' in refused).toBe(false);
    });

    it('are printed as if the platform had made them', () => {
      const details = "{\n  policy: 'prices',\n  retryAfterMs: 70,\n  code: 'CIRCUIT_OPEN',\n  reason: 'open'\n}";
      const open = new CircuitOpenError('prices', 'open', 70);
      const failed = new FallbackError('prices', new Refused('inner'), 1);

      expect(inspect(open)).toBe(`[CircuitOpenError: prices is open] ${details}`);
      expect(inspect({ open }, { breakLength: Infinity, compact: 3 })).toContain(
        '{ open: [CircuitOpenError: prices is',
      );
      expect(inspect(failed)).toContain('[cause]: [Refused [Error]: inner] {');
      expect(inspect(open, { colors: true })).toContain("policy: \u001B[32m'prices'\u001B[39m");
    });

    it('can be told apart and matched by assertions', async () => {
      const same = (): Refused => new Refused('not now', { policy: 'prices', retryAfterMs: 70 });

      assert.deepEqual(same(), refused);
      assert.notDeepEqual(new Refused('never', { policy: 'prices', retryAfterMs: 70 }), refused);
      assert.throws(() => assert.ifError(refused), /not now/);
      await assert.rejects(Promise.reject(refused), Refused);
      await assert.rejects(Promise.reject(refused), { message: 'not now', code: 'REFUSED' });
      expect(same()).toStrictEqual(refused);
      await expect(Promise.reject(refused)).rejects.toThrow('not now');
    });

    it('can be given another text and a stack', () => {
      const error = new Refused('not now');
      error.message = `prices: ${error.message}`;
      Error.captureStackTrace(error);

      expect(String(error)).toBe('Error: prices: not now');
      expect(error.stack).toContain('errors.test.ts');
    });

    it('can be made where the prototype of all errors is frozen', () => {
      const { prototype }: { readonly prototype: object } = Error;
      Object.defineProperty(prototype, 'message', { writable: false });
      try {
        expect(new Refused('not now').message).toBe('not now');
      } finally {
        Object.defineProperty(prototype, 'message', { writable: true });
      }
    });
  });

  it('isTimeout knows the TimeoutError of the platform', () => {
    expect(isTimeout(new DOMException('late', 'TimeoutError'))).toBe(true);
    expect(isTimeout(new DOMException('stopped', 'AbortError'))).toBe(false);
    expect(isCancelled(new DOMException('stopped', 'AbortError'))).toBe(false);
  });

  it('can be made where the limit of stack traces cannot be set', () => {
    const { stackTraceLimit } = Error;
    Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable: false, configurable: true });
    try {
      expect(new CancelledError().message).toBe('the context was cancelled');
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable: true, configurable: true });
    }
  });
});

describe('messageOf', () => {
  it.each([
    [new Error('boom'), 'boom'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [Symbol('sign'), 'Symbol(sign)'],
    [Object.create(null), 'a thrown object that has no text'],
    [Object.defineProperty(new Error(), 'message', { value: Object.create(null) }), 'a thrown object that has no text'],
  ])('of %o is %s', (error, text) => {
    expect(messageOf(error)).toBe(text);
  });
});
