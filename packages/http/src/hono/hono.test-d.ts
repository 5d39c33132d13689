import type { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { expectTypeOf, it } from 'vitest';

import { createRequestContexts } from '../server/request-contexts.ts';
import { requestContexts, requireRequestContext } from './hono.ts';

it('is middleware of Hono as its own types have it', () => {
  const requests = createRequestContexts();
  const app = new Hono();
  app.use(requestContexts(requests));
  app.get('/', requireRequestContext(), (c) => c.text('ok'));

  expectTypeOf(app.fetch).toExtend<Parameters<typeof serve>[0]['fetch']>();
});
