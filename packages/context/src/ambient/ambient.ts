/**
 * Ambient context: the context of the running code, without it being passed along. Opt-in.
 *
 * Pass the context as an argument where you can: that cannot get lost. The ambient one is for what lies between, such as a
 * logger, a driver, or a framework's handler that takes no argument of yours.
 *
 * Invariants
 *  (1) Code that runs for one request never sees the context of another: what is bound runs in the context of where it was
 *      bound, and in none where there was none.
 *  (2) Binding changes nothing else: arguments, `this`, results and errors are those of the function.
 *
 * @module
 */

import {
  type CaptureAsyncContext,
  type Context,
  nameErrorClass,
  requireContext,
  ResilienceError,
} from '@holdfast/core';

import { bindEmitter, type EmitterLike } from './ambient-emitter.ts';
import { replaceMethods } from './method-patch.ts';
import { runStored, storedContext } from './ambient-store.ts';

/** What deals with the context of the running code. */
export interface Ambient {
  /** Runs `fn` with `context`, and with it all that it starts: promises, timers, callbacks. Returns what `fn` returns. */
  run<A extends readonly unknown[], R>(context: Context, fn: (...args: A) => R, ...args: A): R;
  /** Returns the context of the running code; undefined where there is none. */
  current(): Context | undefined;
  /**
   * Returns the context of the running code.
   *
   * @throws BrokenContextChainError where there is none: it got lost on the way, or nobody has set one.
   */
  require(): Context;
  /**
   * Returns `fn` bound to `context`, by default the one of now, for what is called in somebody else's turn: from a queue, by a
   * pool, by an emitter. Undefined binds it to none.
   */
  bind<F extends (...args: never[]) => unknown>(fn: F, context?: Context): F;
  /**
   * Makes an emitter call each listener in the context in which it was added, not in that of whoever emits. Returns what undoes
   * it; listeners that are there stay as they are.
   */
  bindEmitter(emitter: EmitterLike): () => void;
  /**
   * Makes methods of an object, such as `acquire` of a pool, bind the functions that they are given to the context of the call.
   * Returns what undoes it.
   */
  bindMethods<T extends object>(target: T, names: readonly (keyof T & string)[]): () => void;
  /**
   * The port `captureAsyncContext` of policies and registries: calls that wait in a queue start in their own context. Where
   * other libraries keep contexts of their own, as OpenTelemetry does, use `AsyncLocalStorage.snapshot`, which captures all.
   */
  readonly capture: CaptureAsyncContext;
}

/** There is no ambient context where one is required. */
export class BrokenContextChainError extends ResilienceError {
  readonly code = 'BROKEN_CONTEXT_CHAIN';

  constructor() {
    super(
      'there is no ambient context: nothing here runs within ambient.run(), or a callback was not bound on the way',
    );
  }
}

/** Deals with the context of the running code. */
export const ambient: Ambient = Object.freeze({
  run<A extends readonly unknown[], R>(context: Context, fn: (...args: A) => R, ...args: A): R {
    requireContext('run', context);
    requireFunction('run', fn);
    return runStored(context, () => fn(...args));
  },
  current: storedContext,
  require(): Context {
    const context = storedContext();
    if (context === undefined) throw new BrokenContextChainError();
    return context;
  },
  bind<F extends (...args: never[]) => unknown>(fn: F, ...given: [context?: Context | undefined]): F {
    requireFunction('bind', fn);
    return bound(fn, given.length === 0 ? storedContext() : given[0]);
  },
  bindEmitter,
  bindMethods<T extends object>(target: T, names: readonly (keyof T & string)[]): () => void {
    return replaceMethods(target, names, (method) => bindingArguments(method));
  },
  capture: () => {
    const context = storedContext();
    return <R>(fn: () => R): R => runStored(context, fn);
  },
});

// --- internal ---

nameErrorClass(BrokenContextChainError, 'BrokenContextChainError');

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

function bound<F extends AnyFunction>(fn: F, context: Context | undefined): F {
  const run = function (this: unknown, ...args: never[]): unknown {
    return runStored(context, () => fn.apply(this, args)); // (1), (2)
  };
  return Object.defineProperties(run, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true }, // frameworks look at it
  }) as F;
}

/** Returns `method` so that it binds the functions that it is given. */
function bindingArguments(method: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: never[]): unknown {
    const context = storedContext();
    return method.apply(
      this,
      args.map((arg) => (typeof arg === 'function' ? bound(arg, context) : arg)),
    );
  };
}

function requireFunction(method: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`${method} needs a function, got ${typeof fn}`);
}
