/**
 * Types of composition: what an operation gives and what may stand in for it is known through any pipeline, however it is
 * nested, named, keyed or shared; and what the compiler can refuse, it refuses.
 *
 * @module
 */

import {
  type AbortSignalLike,
  type CancelledError,
  Context,
  type Operation,
  type Pipeline,
  type Policy,
  type RejectionError,
  type ResilienceError,
  bulkhead,
  circuitBreaker,
  coalesce,
  contextKey,
  createRegistry,
  fallback,
  hedge,
  isCancelled,
  isRejection,
  isResilienceError,
  keyed,
  noop,
  pipeline,
  rateLimiter,
  retry,
  timeout,
} from '@holdfast/core';
import { expectTypeOf } from 'vitest';

interface User {
  readonly id: string;
}
const guest = fallback({ value: { id: 'guest' } as const });
const nobody = fallback({ substitute: async () => null });
const fetchUser = async (): Promise<User> => ({ id: 'a' });

// charter I4: every policy composes with any value, and only a fallback adds to it.
const all = pipeline(
  noop(),
  coalesce({ keyOf: () => 'all' }),
  rateLimiter(10),
  hedge(10),
  retry(),
  circuitBreaker(),
  bulkhead(),
  timeout(10),
);
expectTypeOf(all).toEqualTypeOf<Pipeline>();
expectTypeOf(all.execute(fetchUser)).toEqualTypeOf<Promise<User>>();
expectTypeOf(all.execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
const fails = (): never => {
  throw new Error('boom');
};
expectTypeOf(all.execute(fails)).toEqualTypeOf<Promise<never>>();

// charter I4: through pipelines in pipelines, at any depth, and each fallback counts once.
const nested = pipeline(guest, pipeline({ name: 'inner' }, nobody, pipeline(retry(), pipeline(guest, timeout(5)))));
expectTypeOf(nested).toEqualTypeOf<Pipeline<{ readonly id: 'guest' } | null>>();
expectTypeOf(nested.execute(() => 7)).toEqualTypeOf<Promise<number | { readonly id: 'guest' } | null>>();
const orGuest: Promise<User> = pipeline(guest, all).execute(fetchUser); // a guest is a user

// charter I4: through what a registry makes and names.
const registry = createRegistry();
const named = registry.pipeline('users', registry.create(fallback<null>, { name: 'nobody', value: null }), all);
expectTypeOf(named).toEqualTypeOf<Pipeline<null>>();
expectTypeOf(named.execute(fetchUser)).toEqualTypeOf<Promise<User | null>>();

// charter I4: through what makes a policy per key.
const perTenant = keyed({ keyOf: () => 'a', make: () => pipeline(nobody, retry()) });
expectTypeOf(pipeline(perTenant, timeout(5)).execute(fetchUser)).toEqualTypeOf<Promise<User | null>>();

// charter I4: with policies of one's own, with and without a substitute.
const plain = { execute: async <T>(run: Operation<T>): Promise<T> => run(Context.background) };
const orZero: Policy<0> = { execute: async (run, context = Context.background) => run(context) };
expectTypeOf(pipeline(plain, orZero, all).execute(fetchUser)).toEqualTypeOf<Promise<User | 0>>();

// charter I5: wrap keeps `this`, the parameters, optional and rest ones too, and a context in the first place.
class Shop {
  readonly users = new Map<string, User>();
  find(this: Shop, id: string, ...more: number[]): User | undefined {
    return this.users.get(id + more.join());
  }
}
// oxlint-disable-next-line typescript/unbound-method -- wrap hands `this` on
const find = nested.wrap(Shop.prototype.find);
expectTypeOf(find).thisParameter.toEqualTypeOf<Shop>();
expectTypeOf(find).parameters.toEqualTypeOf<[id: string, ...more: number[]]>();
expectTypeOf(find).returns.toEqualTypeOf<Promise<User | { readonly id: 'guest' } | null | undefined>>();
const query = all.wrap(async (context: Context, id?: string) => ({ id: id ?? String(context.deadline) }));
expectTypeOf(query).toEqualTypeOf<(context: Context, id?: string) => Promise<{ id: string }>>();
// @ts-expect-error -- needs its context
void query('a');
// @ts-expect-error -- needs its `this`
void find('a');

// charter I5: of an overloaded function it keeps the last signature, as the compiler infers it; the others are refused.
declare function read(id: string): Promise<string>;
declare function read(id: number): Promise<number>;
expectTypeOf(all.wrap(read)).toEqualTypeOf<(id: number) => Promise<number>>();
// @ts-expect-error -- not the last signature
void all.wrap(read)('a');

// charter I5: wrap is all that a decorator needs, with the decorators of the language.
function under(policy: Policy & { wrap: typeof all.wrap }) {
  return <This, Arguments extends unknown[], T>(
    method: (this: This, ...args: Arguments) => Promise<T>,
    _context: ClassMethodDecoratorContext<This>,
  ): ((this: This, ...args: Arguments) => Promise<T>) => policy.wrap(method);
}
class Catalogue {
  readonly prefix = 'price of ';

  @under(all)
  async price(id: string): Promise<string> {
    return this.prefix + id;
  }
}
expectTypeOf<Catalogue['price']>().toEqualTypeOf<(id: string) => Promise<string>>();

// charter I2: what was thrown is unknown until a guard has looked at it.
declare const thrown: unknown;
expectTypeOf(isRejection).guards.toEqualTypeOf<RejectionError>();
expectTypeOf(isCancelled).guards.toEqualTypeOf<CancelledError>();
expectTypeOf(isResilienceError).guards.toEqualTypeOf<ResilienceError>();
expectTypeOf<CancelledError['code']>().toEqualTypeOf<'CANCELLED'>();
expectTypeOf(Context.background.cause).toBeUnknown();
// @ts-expect-error -- unknown
void thrown.code;

// charter I3: any signal will do, the platform's included; half of one will not.
expectTypeOf<AbortSignal>().toExtend<AbortSignalLike>();
expectTypeOf(Context.from(new AbortController().signal).withSignal(AbortSignal.abort())).toEqualTypeOf<Context>();
// @ts-expect-error -- nothing to listen to
Context.from({ aborted: false });
// @ts-expect-error -- the controller, not its signal
Context.background.withSignal(new AbortController());

// What is composed in the wrong way.
// @ts-expect-error -- policies are arguments, not a list
pipeline([retry(), timeout(5)]);
// @ts-expect-error -- the factory, not what it makes
pipeline(retry, timeout(5));
// @ts-expect-error -- options come first
pipeline(retry(), { name: 'users' });
// @ts-expect-error -- the operation, not its result
void all.execute(fetchUser());
// @ts-expect-error -- the context comes second
void all.execute(Context.background, fetchUser);
// @ts-expect-error -- the operation needs more than a context
void all.execute((_context: Context, id: string) => id);
// @ts-expect-error -- a registry's pipeline has a name
registry.pipeline(retry(), timeout(5));
// @ts-expect-error -- a substitute for another operation's value
const wrong: Promise<User> = nested.execute(fetchUser);
// @ts-expect-error -- a key of a number has numbers
Context.background.withValue(contextKey<number>('n'), 'one');
// @ts-expect-error -- only one's own cancel
Context.background.cancel();
// @ts-expect-error -- fixed once made
Context.background.deadline = 5;
void [orGuest, wrong];
