/**
 * Session: a token that was accepted, the state that it lets the page see, and what can be asked with it.
 *
 *   link ─► events ─► state ─► drawn
 *     └─ hello, catalogue, policy ─► lists loaded anew ─► state
 *
 * A list that cannot be loaded keeps no other back: what is missing is said, and tried again.
 *
 * Events that come while lists are loaded are applied on top of these. Lists are loaded one after the other, however often
 * something asks for them.
 *
 * @module
 */

import { type AdminClient, ApiProblem, createAdminClient, pathOf } from './api/admin-client.ts';
import type { Circuit, LiveEvent } from './api/answers.ts';
import { followEvents } from './api/live-link.ts';
import { after, apiBase, ask, beforeNextFrame, nowMs, untilSeen, whenUnseen } from './browser.ts';
import { announcementOf } from './state/announcement.ts';
import {
  type ConsoleState,
  type Lists,
  type LoadedLists,
  applied,
  emptyState,
  loaded,
  withAudit,
  withCircuit,
} from './state/console-state.ts';
import { type Store, createStore } from './state/store.ts';

/** Who is told of what happens. */
export interface SessionListeners {
  readonly draw: (state: ConsoleState) => void;
  /** The token is not accepted any more. */
  readonly onRefused: (problem: ApiProblem) => void;
  readonly announce: (text: string) => void;
}

/** A session that has begun. */
export interface Session {
  readonly ask: AdminClient['ask'];
  close(): void;
}

/** Begins to follow the service. */
export function openSession(token: string, listeners: SessionListeners): Session {
  const client = createAdminClient({ base: apiBase(), token, fetch: ask, after });
  const store = createStore(emptyState, beforeNextFrame, listeners.draw);
  const loader = new Loader(client, store, listeners);
  const stop = followEvents({
    client,
    now: nowMs,
    after,
    untilSeen,
    whenUnseen,
    onState: (link) => store.update((state) => ({ ...state, link })),
    onEvents: (events) => {
      const announcement = announcementOf(events);
      if (announcement !== undefined) listeners.announce(announcement);
      loader.take(events);
    },
    onRefused: listeners.onRefused,
  });
  const close = (): void => {
    stop();
    loader.close();
  };
  return { ask: (method, path, body) => client.ask(method, path, body), close };
}

// --- internal ---

/** Pauses before lists are loaded that something said have changed, so that many changes cost one load. Milliseconds. */
const PAUSE_MS = 400;
const RETRY_MS = 2000;

type Wish = 'all' | 'pipelines' | 'audit';

class Loader {
  readonly #client: AdminClient;
  readonly #store: Store<ConsoleState>;
  readonly #listeners: SessionListeners;
  readonly #wishes = new Set<Wish>();
  readonly #circuits = new Set<string>();
  #waiting: LiveEvent[] = [];
  #isLoading = false;
  #isClosed = false;
  #cancel: (() => void) | undefined = undefined;

  constructor(client: AdminClient, store: Store<ConsoleState>, listeners: SessionListeners) {
    this.#client = client;
    this.#store = store;
    this.#listeners = listeners;
  }

  take(events: readonly LiveEvent[]): void {
    for (const event of events) this.#wish(event);
    if (this.#isLoading) this.#waiting.push(...events);
    else this.#store.update((state) => applied(state, events, nowMs()));
    if (this.#wishes.size + this.#circuits.size > 0) this.#loadIn(this.#wishes.has('all') ? 0 : PAUSE_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  /** What is missed while away is told by events, but for samples and counts: so a list is loaded whenever the stream opens. */
  #wish(event: LiveEvent): void {
    if (event.type === 'hello' || event.type === 'catalogue') this.#wishes.add('all');
    if (event.type === 'policy') this.#wishes.add('pipelines');
    if (event.type === 'feature') this.#wishes.add('audit');
    if (event.type === 'action' && event.data.kind.startsWith('circuit.')) this.#circuits.add(event.data.target);
  }

  #loadIn(ms: number): void {
    if (this.#isLoading || this.#isClosed) return; // it looks again when it is through
    if (this.#cancel !== undefined && ms > 0) return; // it is near already
    this.#cancel?.();
    this.#cancel = after(ms, () => void this.#load());
  }

  async #load(): Promise<void> {
    this.#cancel = undefined;
    this.#isLoading = true;
    const wishes = new Set(this.#wishes);
    const circuits = [...this.#circuits];
    this.#wishes.clear();
    this.#circuits.clear();
    try {
      if (wishes.has('all')) await this.#loadAll();
      else await this.#loadSome(wishes, circuits);
      this.#applyWaiting();
    } catch (error) {
      this.#applyWaiting();
      if (error instanceof ApiProblem && error.status === 401) {
        this.#listeners.onRefused(error);
        return;
      }
      this.#tryAgain(error, wishes, circuits);
    }
    if (this.#wishes.size + this.#circuits.size > 0) this.#loadIn(RETRY_MS);
  }

  /** Wants again what could not be loaded; where nothing could yet, it is said why. */
  #tryAgain(error: unknown, wishes: ReadonlySet<Wish>, circuits: readonly string[]): void {
    const missing = `everything (${wordsOf(error)})`;
    this.#store.update((state) => (state.index === undefined ? { ...state, missing } : state));
    for (const wish of wishes) this.#wishes.add(wish);
    for (const id of wishes.has('all') ? [] : circuits) if (!isGone(error)) this.#circuits.add(id);
  }

  #applyWaiting(): void {
    this.#isLoading = false;
    const events = this.#waiting;
    this.#waiting = [];
    if (!this.#isClosed) this.#store.update((state) => applied(state, events, nowMs()));
  }

  async #loadAll(): Promise<void> {
    const get = <Body>(path: string): Promise<Body> => this.#client.ask<Body>('GET', path);
    const asked = [
      get<Pick<Lists, 'circuits'>>('circuits'),
      get<Pick<Lists, 'features'>>('features'),
      get<Lists['level']>('brownout').then((level) => ({ level })),
      get<Pick<Lists, 'pipelines'>>('pipelines'),
      get<Pick<Lists, 'actions' | 'entries'>>('audit'),
      get<Lists['history']>('history').then((history) => ({ history })),
    ];
    const [answers, index] = await Promise.all([Promise.allSettled(asked), get<Lists['index']>('')]);
    const missing = missingWords(answers);
    const came = answers.map((answer): Partial<Lists> => (answer.status === 'fulfilled' ? answer.value : {}));
    const lists: LoadedLists = Object.assign({ index }, ...came) as LoadedLists;
    this.#store.update((state) => ({ ...loaded(state, lists, nowMs()), missing }));
    if (missing !== '') this.#wishes.add('all'); // it is tried again
  }

  async #loadSome(wishes: ReadonlySet<Wish>, circuits: readonly string[]): Promise<void> {
    for (const id of circuits) {
      const circuit = await this.#client.ask<Circuit>('GET', pathOf('circuits', id));
      this.#store.update((state) => withCircuit(state, circuit, nowMs()));
    }
    if (wishes.has('pipelines')) {
      const { pipelines } = await this.#client.ask<Pick<Lists, 'pipelines'>>('GET', 'pipelines');
      this.#store.update((state) => ({ ...state, pipelines }));
    }
    if (wishes.has('audit')) {
      const audit = await this.#client.ask<Pick<Lists, 'actions' | 'entries'>>('GET', 'audit');
      this.#store.update((state) => withAudit(state, audit));
    }
  }
}

const LISTS = ['circuits', 'features', 'the level', 'pipelines', 'the audit', 'the history'];

/** Says which lists did not come, and why. Throws where the token is not accepted any more. */
function missingWords(answers: readonly PromiseSettledResult<unknown>[]): string {
  const words = answers.map((answer, index) => {
    if (answer.status === 'fulfilled') return '';
    const error: unknown = answer.reason;
    if (error instanceof ApiProblem && error.status === 401) throw error;
    return `${LISTS[index] ?? ''} (${wordsOf(error)})`;
  });
  return words.filter((word) => word !== '').join(', ');
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isGone(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 404;
}
