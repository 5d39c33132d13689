import { describe, expectTypeOf, it } from 'vitest';

import { defineServices } from './define-services.ts';

const definition = defineServices()
  .value('config', { port: 8080 })
  .add('pool', ({ config }) => ({ size: config.port }))
  .add('orders', async ({ pool }) => ({ pool }), { dispose: ({ pool }) => pool.size });

describe('services, as the compiler sees them', () => {
  it('have the types of what makes them', () => {
    const { services } = definition.build();

    expectTypeOf(services.config).toEqualTypeOf<{ port: number }>();
    expectTypeOf(services.pool).toEqualTypeOf<{ size: number }>();
    expectTypeOf(services.orders).toEqualTypeOf<Promise<{ pool: { size: number } }>>();
    expectTypeOf(services).not.toHaveProperty('missing');
  });

  it('can use only what was defined before', () => {
    definition.add('mail', (services) => {
      expectTypeOf(services).toHaveProperty('orders');
      expectTypeOf(services).not.toHaveProperty('mail');
      return 1;
    });
    // @ts-expect-error -- the name is taken
    expectTypeOf(() => definition.add('pool', () => 1)).toBeFunction();
  });
});
