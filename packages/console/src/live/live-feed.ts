/**
 * Live feed: what changes, told to all clients that watch, and kept for those that come later.
 *
 *   events ─► soon ─► look ─┐                            ┌─► log, for clients that come back
 *   every `sampleMs` ─► look ┴─► changes ── as frames ───┴─► watchers, one text for all
 *                        └─────► sample ─► the last of them kept ─► watchers
 *
 * Invariants
 *  (1) It listens to the events of policies only while somebody watches: without, no call pays for it.
 *  (2) At most `maxWatchers` clients watch at once; one more is refused. Viewers take three quarters of that at most, so that
 *      they keep no operator out. A stream has its connection for itself: one that waits behind another would hear nothing, and
 *      nobody would hear that it has gone.
 *  (3) Changes are told within `FLUSH_MS`, however many there are: what changes twice in that time is told once. Where looking
 *      takes long, as at thousands of circuits, they are told later, so that it takes a tenth of the time at most.
 *  (4) Closing ends every stream, and every timer.
 *  (5) What is looked at and throws ends neither the process nor the looking.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

import { type Clock, type Events, type PolicyEvent, type Registry, reportHookError } from '@holdfast/core';
import type { FeatureControl, Role } from '@holdfast/degradation';

import type { ActionTrail } from '../actions/action-trail.ts';
import { Problem } from '../api/problem.ts';
import { circuitsOf, policiesOf } from '../policies/catalogue.ts';
import type { ShownCircuits } from '../policies/shown-circuits.ts';
import { STREAM_HEADERS } from '../response.ts';
import type { WallClock } from '../wall-clock.ts';
import { EventLog, type Frame, frameText } from './event-log.ts';
import { NamedTimers } from './named-timers.ts';
import { type Notice, Observer, type Ribbons } from './observer.ts';
import { type Sample, Sampler } from './sampler.ts';
import { requireConnection, requirePlace } from './watch-limit.ts';
import { Watcher } from './watcher.ts';

/** What a live feed needs. */
export interface LiveFeedParts {
  readonly registry: Registry;
  readonly degradation: FeatureControl | undefined;
  readonly circuits: Pick<ShownCircuits, 'holdsOf'>;
  readonly trail: ActionTrail;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly service: string;
  readonly sampleMs: number;
  readonly maxWatchers: number;
  /** Time after which a client that takes nothing is cut off. Milliseconds. */
  readonly stalledMs: number;
}

/** States and samples of the last minutes. */
export interface History extends Ribbons {
  /** Calendar time of now, in milliseconds since 1970. */
  readonly nowMs: number;
  readonly sampleMs: number;
  readonly samples: readonly Sample[];
}

/** What changes, as it changes. */
export class LiveFeed {
  readonly #parts: LiveFeedParts;
  readonly #log = new EventLog();
  readonly #sampler = new Sampler();
  readonly #observer: Observer;
  readonly #watchers = new Set<Watcher>();
  readonly #samples: Sample[] = [];
  readonly #timers: NamedTimers;
  #unlisten: (() => void) | undefined = undefined;
  #isFeatureNews = false;
  /** Samples until options are looked at again. */
  #untilOptions = 0;
  /** How long the latest look took. Milliseconds. */
  #lookMs = 0;
  #sampledAt: number | undefined = undefined;
  #isClosed = false;

  constructor(parts: LiveFeedParts) {
    this.#parts = parts;
    this.#timers = new NamedTimers(parts.clock);
    const { registry, degradation, circuits, trail } = parts;
    this.#observer = new Observer({ registry, degradation, circuits, sampler: this.#sampler });
    trail.listen((action) => {
      if (action.kind === 'policy.changed') this.#untilOptions = 0;
      this.#tell([this.#log.add('action', action.id, action)]);
    });
  }

  /** Clients that watch. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Begins to keep history, if it is to keep any. May be called again. */
  start(): void {
    if (this.#isClosed || this.#sampledAt !== undefined) return;
    this.#sampledAt = this.#parts.clock.now();
    attempt(() => {
      this.#lookAtAll();
      this.#sampler.take(this.#sampled()); // from here on it counts
    });
    if (this.#parts.sampleMs > 0) this.#armSample();
  }

  /** Lets a client watch. Throws a Problem when there are too many. Returns what opens the stream, and may throw one, too. */
  admit({ headers }: IncomingMessage, role: Role, lastEventId?: string): (response: ServerResponse) => void {
    const field = headers['last-event-id'] ?? lastEventId;
    const after = typeof field === 'string' && field !== '' ? field : undefined;
    if (this.#isClosed) throw new Problem(503, 'the admin endpoint is closed', { code: 'CLOSED' });
    requirePlace(this.#watchers, this.#parts.maxWatchers, role);
    return (response) => {
      requireConnection(response);
      requirePlace(this.#watchers, this.#parts.maxWatchers, role); // (2): others may have been let in meanwhile
      this.#open(response, after, role === 'viewer');
    };
  }

  /** The calendar time of now, and how often samples are taken; 0 where none are. */
  time(): { readonly nowMs: number; readonly sampleMs: number } {
    const { wallClock, sampleMs } = this.#parts;
    return { nowMs: wallClock(), sampleMs };
  }

  history(): History {
    this.start();
    this.#tellNotices(this.#observer.lookAtStates(this.#parts.wallClock()));
    const { wallClock, sampleMs } = this.#parts;
    return { nowMs: wallClock(), sampleMs, samples: [...this.#samples], ...this.#observer.ribbons() };
  }

  /** Ends all streams. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) watcher.end(); // (4)
    this.#watchers.clear();
    this.#unlisten?.();
    this.#sampler.rest();
    this.#timers.close();
  }

  #open(response: ServerResponse, after: string | undefined, isViewer: boolean): void {
    if (this.#isClosed || response.destroyed) {
      response.destroy();
      return;
    }
    response.on('error', () => {}); // a connection that breaks must not throw
    response.writeHead(200, STREAM_HEADERS);
    const watcher = new Watcher(response, this.#parts.clock, isViewer);
    response.on('close', () => this.#leave(watcher));
    this.start();
    attempt(() => this.#lookAtAll()); // so that what it is told next is news to it, too
    watcher.send([], this.#greeting(after));
    this.#watchers.add(watcher);
    this.#listen();
    if (!this.#timers.has('beat')) this.#armBeat();
    if (this.#parts.sampleMs === 0 && !this.#timers.has('look')) this.#armLook();
  }

  /** What a stream begins with: where it stands, and what a client that comes back has missed. */
  #greeting(after: string | undefined): string {
    const missed = after === undefined ? undefined : this.#log.after(after);
    const { service, sampleMs, wallClock } = this.#parts;
    const start = { service, sampleMs, isResumed: missed !== undefined, atMs: wallClock() };
    const hello = `retry: ${RETRY_MS}\n${frameText('hello', start, missed === undefined ? this.#log.lastId : undefined)}`;
    return hello + (missed ?? []).map(({ text }) => text).join('');
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#unlisten?.(); // (1)
    this.#unlisten = undefined;
    this.#sampler.rest();
    for (const name of ['beat', 'flush', 'look']) this.#timers.cancel(name);
  }

  #listen(): void {
    if (this.#unlisten !== undefined) return;
    const { registry, degradation } = this.#parts;
    const sources = new Set<Events | undefined>([registry.events, degradation?.events]);
    const ends = [...sources].map((events) => events?.listen((event) => this.#hear(event)));
    this.#unlisten = () => {
      for (const end of ends) end?.();
    };
  }

  #hear({ type, policy }: PolicyEvent): void {
    if (policy === 'feature') this.#isFeatureNews = true;
    else if (type !== 'circuit-breaker.transitioned') return;
    if (this.#timers.has('flush')) return;
    const delayMs = Math.max(FLUSH_MS, LOOK_SHARE * this.#lookMs); // (3)
    this.#timers.arm('flush', delayMs, () => attempt(() => this.#flush()));
  }

  #flush(): void {
    const { clock, wallClock } = this.#parts;
    const startedAt = clock.now();
    const states = this.#observer.lookAtStates(wallClock());
    this.#lookMs = clock.now() - startedAt;
    this.#tellNotices(this.#isFeatureNews ? [...states, ...this.#observer.lookAtFeatures()] : states);
    this.#isFeatureNews = false;
  }

  #lookAtAll(): void {
    this.#flush();
    this.#tellNotices([...this.#observer.lookAtFeatures(), ...this.#observer.lookAtOptions()]);
  }

  #sample(): void {
    const { clock, wallClock, degradation } = this.#parts;
    this.#flush();
    const isWatched = this.#watchers.size > 0;
    if (isWatched) this.#tellNotices(this.#observer.lookAtFeatures());
    if (isWatched && this.#untilOptions-- <= 0) {
      this.#untilOptions = SAMPLES_PER_LOOK - 1;
      this.#tellNotices(this.#observer.lookAtOptions());
    }
    const now = clock.now();
    const spanMs = Math.round(now - (this.#sampledAt ?? now));
    this.#sampledAt = now;
    const level = degradation?.level().level ?? 0;
    const sample = { atMs: wallClock(), spanMs, level, ...this.#sampler.take(this.#sampled()) };
    this.#samples.push(sample);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    if (isWatched) this.#tell([{ key: 'sample', text: frameText('sample', sample) }]);
  }

  #armSample(): void {
    this.#timers.arm('sample', this.#parts.sampleMs, () => {
      this.#armSample();
      attempt(() => this.#sample());
    });
  }

  #sampled() {
    const { registry } = this.#parts;
    const isWatched = this.#watchers.size > 0;
    return { policies: policiesOf(registry), circuits: circuitsOf(registry), isWatched };
  }

  #beat(): void {
    for (const watcher of this.#watchers) watcher.check(this.#parts.stalledMs);
    this.#armBeat();
  }

  /** Looks while somebody watches, where no samples are taken: a state whose time is over tells nobody by itself. */
  #armLook(): void {
    this.#timers.arm('look', LOOK_MS, () => {
      this.#armLook();
      attempt(() => this.#flush());
    });
  }

  #armBeat(): void {
    this.#timers.arm('beat', Math.min(HEARTBEAT_MS, this.#parts.stalledMs / 2), () => this.#beat());
  }

  #tellNotices(notices: readonly Notice[]): void {
    this.#tell(notices.map(({ type, key, data }) => this.#log.add(type, key, data)));
  }

  #tell(frames: readonly Frame[]): void {
    if (frames.length === 0 || this.#watchers.size === 0) return;
    const text = frames.map((frame) => frame.text).join('');
    for (const watcher of this.#watchers) watcher.send(frames, text);
  }
}

// --- internal ---

function attempt(look: () => void): void {
  try {
    look();
  } catch (error) {
    reportHookError('admin.look', error, 'admin'); // (5)
  }
}

/** Time in which changes are gathered before they are told. */
const FLUSH_MS = 100;

/** Time between looks where no samples are taken. */
const LOOK_MS = 1000;

/** How many times longer than a look the pause after it is. */
const LOOK_SHARE = 10;

/** Options are looked at once in so many samples: they are many, and seldom change. */
const SAMPLES_PER_LOOK = 5;

/** Time between signs of life, and between looks for clients that have stalled. */
const HEARTBEAT_MS = 5000;

/** Time after which a client should try again when its stream has ended. */
const RETRY_MS = 2000;

/** Samples that are kept. */
const MAX_SAMPLES = 60;
