import express from 'express';
import { expectTypeOf, it } from 'vitest';

import { createRequestContexts } from '../server/request-contexts.ts';
import { requestContexts, requestErrors, requireRequestContext } from './express.ts';

it('is middleware of Express as its own types have it', () => {
  const requests = createRequestContexts();
  const app = express();

  expectTypeOf(app.use(requestContexts(requests))).toEqualTypeOf(app);
  expectTypeOf(app.use(requestErrors(requests))).toEqualTypeOf(app);
  expectTypeOf(app.get('/', requireRequestContext(), (_request, response) => void response.end())).toEqualTypeOf(app);
});
