import fastifyPlugin from 'fastify-plugin';
import { describe, expect, it } from 'vitest';

import { requestContexts } from './fastify.ts';

describe('the plugin of Fastify', () => {
  it('is not encapsulated, by the same marks that fastify-plugin sets', () => {
    const marked = fastifyPlugin((_app, _options, done) => done(), { fastify: '5.x', name: '@holdfast/http' });
    const marks = (plugin: object): unknown[] =>
      ['skip-override', 'fastify.display-name', 'plugin-meta'].map(
        (mark) => (plugin as Record<symbol, unknown>)[Symbol.for(mark)],
      );

    expect(marks(requestContexts)).toEqual(marks(marked));
  });
});
