import Fastify from 'fastify';
import { expectTypeOf, it } from 'vitest';

import { createRequestContexts } from '../server/request-contexts.ts';
import { requestContexts, requireRequestContext } from './fastify.ts';

it('is a plugin of Fastify as its own types have it', () => {
  const requests = createRequestContexts();
  const app = Fastify();
  void app.register(requestContexts, { requests, drainTimeoutMs: 5000 });
  app.get('/', { preHandler: requireRequestContext }, (_request, reply) => reply.send('ok'));

  // @ts-expect-error -- it needs what makes the contexts
  void app.register(requestContexts, {});
  expectTypeOf(requestContexts).parameter(1).toHaveProperty('requests');
});
