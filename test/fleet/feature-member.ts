/**
 * Feature member: a process of a fleet that reads its features all the time, and notes each change of them.
 *
 * @module
 */

import { type Events, createEvents } from '@holdfast/core';
import {
  type AuditEntry,
  type FeatureChangedEvent,
  type FeatureControl,
  type StoreStatus,
  createDegradation,
  defineFeatures,
  findTampering,
  fleetLevel,
} from '@holdfast/degradation';
import {
  type FeatureStoreHealth,
  type RedisFeatureStore,
  type RedisLevelBallot,
  redisFeatureStore,
  redisLevelBallot,
} from '@holdfast/redis';

import { serveFleet } from '../redis-lab/fleet-member.ts';
import { type StorePlace, clientOf } from './store-place.ts';
import { type LagCommands, watchTimers } from './timer-lag.ts';

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'], onLevel: { 2: 'cached' } },
  search: { modes: ['full', 'reduced', 'off'] },
  checkout: { modes: ['full', 'deferred'], essential: true },
});

/** Name of a feature that members have. */
export type FeatureName = Extract<keyof typeof features, string>;

/** A change as a process saw it. */
export interface SeenChange {
  readonly feature: string;
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly cause: FeatureChangedEvent['cause'];
  readonly revision: number;
  /** When, by the clock that all processes of a machine have in common. Milliseconds. */
  readonly at: number;
}

/** What a member is at one instant. */
export interface FeatureReport {
  readonly modes: Readonly<Record<string, string>>;
  readonly revisions: Readonly<Record<string, number>>;
  readonly store: StoreStatus;
  readonly health: FeatureStoreHealth;
  /** All changes since the start. */
  readonly changes: readonly SeenChange[];
  /** What its store has told since the start: `feature-store.lost search`. */
  readonly told: readonly string[];
  /** Reads since the start, those that threw, and how often a revision was lower than before. */
  readonly reads: number;
  readonly failedReads: number;
  readonly setbacks: number;
  /** The level of the fleet, where enough have voted. */
  readonly level: number | undefined;
}

/** A change that a member is to make. */
export interface WantedChange {
  readonly feature: FeatureName;
  readonly mode: string;
  readonly actor: string;
  readonly expiresInMs: number;
  readonly ifRevision?: number;
}

/** What a member can be asked. */
export interface FeatureCommands extends LagCommands {
  ready(): Promise<boolean>;
  /** Makes a change; returns when, or the code of what it was refused with. */
  set(change: WantedChange): number | string;
  restore(change: { readonly feature: FeatureName; readonly actor: string }): number;
  /** Votes for a level from now on; undefined ends that. */
  vote(level: number | undefined): void;
  report(): FeatureReport;
  /** The trail of the fleet, and where it is broken. */
  audit(): Promise<{ readonly entries: readonly AuditEntry[]; readonly brokenAt: number | undefined }>;
  close(): Promise<void>;
}

/** What a member is started with. */
export interface FeatureSettings {
  readonly place: StorePlace;
  readonly namespace: string;
}

const READ_EVERY_MS = 3;
const VOTE_EVERY_MS = 100;

/** Time after which a request counts as lost: more than by default, since a machine that runs other tests as well is slow. */
const COMMAND_TIMEOUT_MS = 1000;

serveFleet<FeatureCommands, FeatureSettings>(({ index, settings: { place, namespace } }) => {
  const events = createEvents();
  const log = noteEvents(events);
  const client = clientOf(place);
  const store = redisFeatureStore(client, { namespace, events, commandTimeoutMs: COMMAND_TIMEOUT_MS });
  const degradation = createDegradation({ features, store, events });
  const ballot = redisLevelBallot(client, {
    namespace,
    node: `p${index}`,
    exchangeMs: 200,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
  });
  const reading = watchReads(() => degradation.list());
  const lag = watchTimers();

  return {
    ready: () => store.ready(20_000),
    ...deedsOf(degradation),
    vote: votingOn(ballot),
    report() {
      const known = degradation.list();
      return {
        modes: Object.fromEntries(known.map(({ name, mode }) => [name, mode])),
        revisions: Object.fromEntries(known.map(({ name, revision }) => [name, revision])),
        store: degradation.storeStatus(),
        health: store.health(),
        ...log,
        ...reading,
        level: fleetLevel(ballot.votes()),
      };
    },
    lag,
    audit: () => auditOf(store),
    async close() {
      ballot.close();
      degradation.close();
      await store.close();
    },
  };
});

// --- internal ---

function votingOn(ballot: RedisLevelBallot): FeatureCommands['vote'] {
  let voting: NodeJS.Timeout | undefined;
  return (level) => {
    clearInterval(voting);
    if (level !== undefined) voting = setInterval(() => ballot.cast(level), VOTE_EVERY_MS);
  };
}

async function auditOf(store: RedisFeatureStore): ReturnType<FeatureCommands['audit']> {
  const entries = await store.audit();
  return { entries, brokenAt: findTampering(entries) };
}

function deedsOf(degradation: FeatureControl): Pick<FeatureCommands, 'set' | 'restore'> {
  return {
    set({ feature, mode, actor, expiresInMs, ifRevision }) {
      const at = now();
      try {
        degradation.set(feature, mode, { actor, reason: 'a drill', expiresInMs, ifRevision });
        return at;
      } catch (error) {
        return (error as { readonly code: string }).code;
      }
    },
    restore({ feature, actor }) {
      const at = now();
      degradation.restore(feature, { actor, reason: 'over' });
      return at;
    },
  };
}

/** Notes what is told of features and of their store. */
function noteEvents(events: Events): Pick<FeatureReport, 'changes' | 'told'> {
  const changes: SeenChange[] = [];
  const told: string[] = [];
  events.listen((event) => {
    if (event.type === 'feature.changed') changes.push(seen(event as unknown as FeatureChangedEvent));
    if (event.type.startsWith('feature-store.')) told.push(toldText(event));
  });
  return { changes, told };
}

function now(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

function seen({ name, from, to, actor, cause, revision }: FeatureChangedEvent): SeenChange {
  return { feature: name, from, to, actor, cause, revision, at: now() };
}

interface StoreEvent {
  readonly type: string;
  readonly features?: readonly string[];
  readonly feature?: string;
  readonly mode?: string;
}

function toldText({ type, features: lost = [], feature, mode }: StoreEvent): string {
  return [type, ...lost, feature, mode].filter((word) => word !== undefined).join(' ');
}

/** Reads all the time. Returns how that went so far. */
function watchReads(
  read: () => readonly { readonly name: string; readonly revision: number }[],
): Pick<FeatureReport, 'reads' | 'failedReads' | 'setbacks'> {
  const counts = { reads: 0, failedReads: 0, setbacks: 0 };
  const known = new Map<string, number>();
  setInterval(() => {
    counts.reads++;
    try {
      for (const { name, revision } of read()) {
        if (revision < (known.get(name) ?? 0)) counts.setbacks++;
        known.set(name, revision);
      }
    } catch {
      counts.failedReads++;
    }
  }, READ_EVERY_MS);
  return counts;
}
