/**
 * Subscription: what one exporter wants to see, in the form in which a reader reads it.
 *
 * @module
 */

import type { CallDurations } from './call-durations.ts';
import type { Readable } from './metric-row.ts';
import type { MetricSources } from './metric-sources.ts';
import type { BrownoutSource, OutboxSource } from './service-source.ts';
import type { SingleSource } from './source.ts';
import { readStore } from './store-source.ts';

/** An outbox and what it is called. */
interface NamedOutbox {
  readonly name: string;
  readonly outbox: OutboxSource;
}

/** What one exporter wants to see. */
export interface Subscription extends Pick<
  MetricSources,
  'registry' | 'degradation' | 'contexts' | 'maxNames' | 'maxKeys'
> {
  /** What is read as a whole: a brownout, stores, trackers, supervisors, pools, servers, consumers. */
  readonly singles: readonly SingleSource[];
  readonly outboxes: readonly NamedOutbox[];
  /** Without it durations are not measured. */
  readonly durations: CallDurations | undefined;
}

/** Makes a subscription of what was resolved. */
export function subscriptionOf(sources: MetricSources, durations: CallDurations | undefined): Subscription {
  const { registry, degradation, contexts, maxNames, maxKeys, outboxes = {} } = sources;
  const named = Object.entries(outboxes).map(([name, outbox]) => ({ name, outbox }));
  const singles = singlesOf(sources);
  return { registry, degradation, contexts, maxNames, maxKeys, singles, outboxes: named, durations };
}

// --- internal ---

function singlesOf(sources: MetricSources): readonly SingleSource[] {
  const { brownout, stores, trackers, supervisors, sqlPools, httpServers, grpcServers, consumers } = sources;
  return [
    ...(brownout === undefined ? [] : [brownoutOf(brownout)]),
    ...each('store', stores, (source) => readStore(source.health())),
    ...each('tracker', trackers, (source) => source.status()),
    ...each('supervisor', supervisors, (source) => source.status()),
    ...each('sql', sqlPools, (source) => source.counts()),
    ...each('http', httpServers, (source) => source.counts()),
    ...each('grpc', grpcServers, (source) => source.snapshot()),
    ...each('consumer', consumers, (source) => source.snapshot()),
  ];
}

function brownoutOf(source: BrownoutSource): SingleSource {
  return {
    kind: 'brownout',
    name: source.name,
    source,
    read: () => {
      const { level, localLevel, maxLevel } = source;
      return { level, localLevel, maxLevel, signals: source.explain().signals };
    },
  };
}

function each<K extends keyof Readable, T extends object>(
  kind: K,
  named: Readonly<Record<string, T>> = {},
  read: (source: T) => Readable[K],
): readonly SingleSource[] {
  return Object.entries(named).map(([name, source]) => ({ kind, name, source, read: () => read(source) }));
}
