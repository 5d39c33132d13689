/**
 * `wrap` as a decorator of methods, with the decorators of the language (TC39) and with the ones that TypeScript had before.
 *
 * @module
 */

import { pathToFileURL } from 'node:url';

import { transform } from 'esbuild';
import { describe, expect, inject, it } from 'vitest';

const { application } = inject('packed');
const core = pathToFileURL(`${application}/node_modules/@holdfast/core/dist/index.js`).href;

const decorators = {
  TC39: {
    isLegacy: false,
    source: `const under = (policy) => (method) => policy.wrap(method);`,
  },
  legacy: {
    isLegacy: true,
    source: `const under = (policy) => (_target, _name, property) => ({ ...property, value: policy.wrap(property.value) });`,
  },
};

const shop = `
  import { Context, pipeline, retry, timeout } from '${core}';
  export class Shop {
    tries = 0;
    constructor(prefix) { this.prefix = prefix; }
    @under(pipeline(retry({ baseDelayMs: 1 }), timeout(1000)))
    async price(id, currency = 'EUR') {
      if (++this.tries < 2) throw new Error('not yet');
      return this.prefix + id + ' ' + currency;
    }
    @under(timeout(1000))
    remaining(context) { return context.remainingMs(); }
  }
  export const short = () => Context.background.withTimeout(500);`;

interface Module {
  readonly Shop: new (prefix: string) => {
    price(id: string, currency?: string): Promise<string>;
    remaining(context: unknown): Promise<number>;
  };
  short(): unknown;
}

async function load({ isLegacy, source }: { isLegacy: boolean; source: string }): Promise<Module> {
  const { code } = await transform(source + shop, {
    loader: 'ts',
    target: 'es2022',
    format: 'esm',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: isLegacy } },
  });
  return (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as Module;
}

describe.each(Object.entries(decorators))('a %s decorator made of wrap', (_kind, decorator) => {
  it('charter I5: keeps this, the arguments, the name and the length, for each instance', async () => {
    const { Shop } = await load(decorator);
    const [one, other] = [new Shop('price of '), new Shop('cost of ')];

    await expect(one.price('a')).resolves.toBe('price of a EUR');
    await expect(other.price('b', 'USD')).resolves.toBe('cost of b USD');
    // oxlint-disable typescript/unbound-method -- only looked at
    expect([Shop.prototype.price.name, Shop.prototype.price.length]).toEqual(['price', 1]);
  });

  it('charter I5: takes a context as the first argument', async () => {
    const { Shop, short } = await load(decorator);
    const remainingMs = await new Shop('').remaining(short());

    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(500);
  });
});
