/**
 * Every source: one of each kind of source that has metrics, with a number of its own in each place, so that none can be taken for
 * another.
 *
 * @module
 */

import type { MetricSourcesOptions } from '@holdfast/metrics';

/** All that exporters take beside a registry, by the option that it is handed in as. */
export const everySource: Required<Omit<MetricSourcesOptions, 'registry' | 'maxNames' | 'maxKeys'>> = {
  degradation: {
    list: () => [
      { name: 'tips', modes: ['full', 'off'], mode: 'off', level: 1.5, served: { full: 11, off: 12 }, revision: 13 },
      { name: 'checkout', modes: ['full', 'deferred'], mode: 'full', served: {}, override: { remainingMs: 90_500 } },
    ],
  },
  contexts: {
    snapshot: () => ({
      name: 'requests',
      openedCount: 21,
      openCount: 22,
      leakCount: 23,
      sizeBytes: { bounds: [64, 128, Infinity], counts: [24, 25, 26], sum: 2700, count: 26 },
      ttlSeconds: { bounds: [0.5, Infinity], counts: [28, 29], sum: 30.5, count: 29 },
    }),
  },
  brownout: {
    name: 'shop',
    level: 1.25,
    localLevel: 1.75,
    maxLevel: 4,
    explain: () => ({ signals: [{ signal: 'shedRatio', pressure: 0.625 }] }),
  },
  stores: {
    features: { health: () => ({ status: 'ready', answered: 31, failed: 32, latencyMs: 33, silentMs: 34 }) },
    ballots: { health: () => ({ status: 'closed' }) },
  },
  outboxes: {
    orders: { count: () => ({ waiting: 41, taken: 42, dead: 43 }), firstAgeMs: () => Promise.resolve(4400) },
    mails: { count: () => Promise.resolve({ waiting: 45, taken: 46, dead: 47 }) },
  },
  trackers: {
    jobs: {
      status: () => ({
        running: 51,
        overdue: 52,
        oldestAgeMs: 5300,
        succeeded: 54,
        failed: 55,
        refused: 56,
        abandoned: 57,
      }),
    },
  },
  supervisors: { importer: { status: () => ({ state: 'running', runs: 61, crashes: 62, isSafeMode: true }) } },
  sqlPools: {
    main: {
      counts: () => ({
        checkedOut: 71,
        waiting: 72,
        gaveUpWaiting: 73,
        stopped: 74,
        cancelRequests: 75,
        dropped: 76,
      }),
    },
  },
  httpServers: {
    shop: {
      counts: () => ({
        running: 81,
        ended: { answered: 82, refused: 83, deadline: 84, 'client-gone': 85, 'server-closing': 86, failed: 87 },
      }),
    },
  },
  grpcServers: {
    stock: { snapshot: () => ({ open: 91, answered: 92, cancelled: 93, refused: { draining: 94, expired: 95 } }) },
  },
  consumers: {
    orders: {
      snapshot: () => ({ running: 101, handled: 102, failed: 103, refused: 104, expired: 105, abandoned: 106 }),
    },
    mails: {
      snapshot: () => ({ running: 107, completed: 108, failed: 109, putBack: 110, expired: 111, abandoned: 112 }),
    },
  },
};
