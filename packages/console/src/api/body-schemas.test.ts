import { describe, expect, it } from 'vitest';

import { findMismatch } from './body-check.ts';
import { routes } from './routes.ts';

const bodies = routes.flatMap(({ methods, path }) =>
  Object.entries(methods).flatMap(([method, { body }]) =>
    body === undefined ? [] : [[`${method} ${path}`, body] as const],
  ),
);

describe('body schemas', () => {
  it.each(bodies)('(1) take no member that they do not name: %s', (_route, { schema, code }) => {
    const required = schema['required'] as readonly string[];
    const whole = Object.fromEntries(required.map((name) => [name, fitting[name]]));

    expect(findMismatch(schema, whole)).toBeUndefined();
    expect(findMismatch(schema, { ...whole, ttl: 5 })?.field).toBe('ttl');
    for (const name of required) expect(findMismatch(schema, { ...whole, [name]: undefined })).toBeDefined();
    expect(code).toMatch(/^INVALID_/);
  });
});

const fitting: Readonly<Record<string, unknown>> = {
  mode: 'off',
  actor: 'alice',
  reason: 'INC-4711',
  expiresInMs: 1,
  state: 'open',
  key: 'ada',
  changes: { openForMs: 5 },
};
