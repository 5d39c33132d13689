import { ConfigError, createRegistry } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { metricSourcesDefaults, resolveSources } from './metric-sources.ts';

const registry = createRegistry();
const none = { defaults: {}, names: [] };

function resolving(options: object) {
  return () => resolveSources('lines', { registry, ...options }, none).sources;
}

const named: Readonly<Record<string, string>> = {
  stores: 'health',
  outboxes: 'count',
  trackers: 'status',
  supervisors: 'status',
  sqlPools: 'counts',
  httpServers: 'counts',
  grpcServers: 'snapshot',
  consumers: 'snapshot',
};

describe('metric sources', () => {
  it('(1) keeps nothing that the caller might change', () => {
    const job = { status: () => ({}) };
    const trackers: Record<string, unknown> = { jobs: job };
    const sources = resolving({ trackers })();
    delete trackers['jobs'];

    expect(sources.trackers).toEqual({ jobs: job });
  });

  it('takes the defaults for what is omitted or undefined', () => {
    expect(resolving({ maxNames: undefined })()).toMatchObject({ registry, ...metricSourcesDefaults });
    expect(resolving({ maxNames: 7, maxKeys: 8 })()).toMatchObject({ maxNames: 7, maxKeys: 8 });
  });

  it.each(Object.entries(named))('says that %s must have %s()', (option, method) => {
    for (const odd of [{ a: null }, { a: undefined }, { a: {} }, { a: { [method]: 1 } }])
      expect(resolving({ [option]: odd })).toThrow(`lines.${option}.a must be something with ${method}()`);
    for (const odd of [5, null]) expect(resolving({ [option]: odd })).toThrow(`lines.${option} must be an object`);
    expect(resolving({ [option]: { a: { [method]: () => {} } } })).not.toThrow();
  });

  it('says in the name of the exporter what else is wrong', () => {
    expect(resolving({ registry: undefined })).toThrow('lines.registry must be a Registry of @holdfast/core');
    expect(resolving({ degradation: {} })).toThrow('lines.degradation must be something with list()');
    expect(resolving({ contexts: null })).toThrow('lines.contexts must be something with snapshot()');
    expect(resolving({ brownout: {} })).toThrow('lines.brownout must be something with explain()');
    expect(resolving({ brownout: { name: 5, explain: () => ({}) } })).toThrow('lines.brownout.name');
    for (const maxNames of [0, 1.5, Infinity, '5', 100_001]) expect(resolving({ maxNames })).toThrow(ConfigError);
    for (const maxKeys of [-1, 1.5, Infinity, 10_001]) expect(resolving({ maxKeys })).toThrow(ConfigError);
    expect(resolving({ maxKeys: 0 })).not.toThrow();
    expect(() => resolveSources('lines', 5 as never, none)).toThrow('lines must be an object of options');
  });

  it('knows the options of the exporter itself, and no other', () => {
    const own = { defaults: { prefix: 'x' }, names: ['write'] };
    const given = { registry, write: () => {}, prefix: undefined };

    expect(resolveSources('lines', given, own).options).toMatchObject({ prefix: 'x', write: given.write, maxKeys: 0 });
    expect(resolving({ prefix: 'y' })).toThrow('lines has no option "prefix"; it knows brownout, consumers');
  });
});
