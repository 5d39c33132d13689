/**
 * Console state: everything that the page shows, as one value that is replaced and never changed.
 *
 *   lists, loaded whole ──► loaded() ──┐
 *   events, in batches ──► applied() ──┴──► the next state ──► drawn, once per frame
 *
 * Invariants
 *  (1) A batch of events costs one copy of each list that it touches, however many events there are.
 *  (2) An event that is applied twice, or on lists that know it already, changes nothing more.
 *  (3) No list grows without end: samples, ribbons and actions are cut at the old end.
 *
 * @module
 */

import type { LinkState } from '../api/live-link.ts';
import type {
  Action,
  Circuit,
  CircuitChange,
  Feature,
  History,
  Index,
  Level,
  LiveEvent,
  Pipeline,
  Ribbon,
  Sample,
} from '../api/answers.ts';

/** A value, and when it was right: what counts down counts from there. */
export interface Heard<Value> {
  readonly value: Value;
  /** Milliseconds since 1970, by this machine's clock. */
  readonly heardAtMs: number;
}

/** Lists as the API answers them. */
export interface Lists {
  readonly index: Index;
  readonly circuits: readonly Circuit[];
  readonly features: readonly Feature[];
  readonly level: Level;
  readonly pipelines: readonly Pipeline[];
  readonly entries: readonly FeatureEntry[];
  readonly actions: readonly Action[];
  readonly history: History;
}

/** Lists of which some may not have come. */
export type LoadedLists = Partial<Lists> & Pick<Lists, 'index'>;

/** A change of a feature, by whomever, as its own trail tells it. */
export interface FeatureEntry {
  readonly at: string;
  readonly feature: string;
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly reason: string;
  readonly cause: string;
  readonly hash: string;
}

/** What the page shows. */
export interface ConsoleState {
  readonly link: LinkState;
  /** Undefined until the lists came for the first time. */
  readonly index: Index | undefined;
  /** What could not be loaded, and why, in words; empty where all could. */
  readonly missing: string;
  /** How far the service's calendar is ahead of this machine's. Milliseconds. */
  readonly aheadMs: number;
  readonly circuits: ReadonlyMap<string, Heard<Circuit>>;
  readonly ribbons: ReadonlyMap<string, Ribbon>;
  readonly features: ReadonlyMap<string, Heard<Feature>>;
  readonly level: Level;
  readonly levelRibbon: Ribbon;
  readonly pipelines: readonly Pipeline[];
  /** Oldest first. */
  readonly samples: readonly Sample[];
  /** Oldest first. */
  readonly actions: readonly Action[];
  readonly entries: readonly FeatureEntry[];
}

/** The state before anything was heard. */
export const emptyState: ConsoleState = Object.freeze<ConsoleState>({
  link: { kind: 'connecting' },
  index: undefined,
  missing: '',
  aheadMs: 0,
  circuits: new Map(),
  ribbons: new Map(),
  features: new Map(),
  level: { level: 0, reason: '' },
  levelRibbon: [],
  pipelines: [],
  samples: [],
  actions: [],
  entries: [],
});

/** Returns the state with new lists in place of those that were there; a list that did not come is left as it was. */
export function loaded(
  state: ConsoleState,
  { index, circuits, features, history, ...rest }: LoadedLists,
  nowMs: number,
): ConsoleState {
  return {
    ...state,
    ...rest,
    index,
    aheadMs: index.nowMs - nowMs,
    ...(circuits && {
      circuits: new Map(circuits.map((circuit) => [circuit.id, { value: circuit, heardAtMs: nowMs }])),
    }),
    ...(features && {
      features: new Map(features.map((feature) => [feature.name, { value: feature, heardAtMs: nowMs }])),
    }),
    ...(history && {
      ribbons: new Map(Object.entries(history.circuits)),
      levelRibbon: history.level,
      samples: history.samples,
    }),
  };
}

/** Returns the state after `events`, in their order. */
export function applied(state: ConsoleState, events: readonly LiveEvent[], nowMs: number): ConsoleState {
  const draft = new Draft(state, nowMs);
  for (const event of events) draft.take(event);
  return draft.state();
}

/** Returns the state with the trail as it was just shown. */
export function withAudit(state: ConsoleState, audit: Pick<Lists, 'actions' | 'entries'>): ConsoleState {
  return { ...state, actions: audit.actions, entries: audit.entries };
}

/** Returns the state with one circuit as it was just shown. */
export function withCircuit(state: ConsoleState, circuit: Circuit, nowMs: number): ConsoleState {
  return { ...state, circuits: new Map(state.circuits).set(circuit.id, { value: circuit, heardAtMs: nowMs }) };
}

/** How long ago a value was right. Milliseconds, 0 or more: the time that is shown may be older than the value. */
export function elapsedMs({ heardAtMs }: Pick<Heard<unknown>, 'heardAtMs'>, nowMs: number): number {
  return Math.max(0, nowMs - heardAtMs);
}

/** The service's calendar at a time of this machine. */
export function serviceTimeMs({ aheadMs }: ConsoleState, nowMs: number): number {
  return nowMs + aheadMs;
}

// --- internal ---

const MAX_SAMPLES = 120;
const MAX_CHANGES = 256;
const MAX_ACTIONS = 1000;

/** The next state while events are taken. */
class Draft {
  readonly #before: ConsoleState;
  readonly #nowMs: number;
  #level: Level;
  #levelRibbon: Ribbon;
  readonly #circuits: Copied<Heard<Circuit>>;
  readonly #ribbons: Copied<Ribbon>;
  readonly #features: Copied<Heard<Feature>>;
  readonly #samples: Sample[] = [];
  readonly #actions: Action[] = [];

  constructor(before: ConsoleState, nowMs: number) {
    this.#before = before;
    this.#nowMs = nowMs;
    this.#level = before.level;
    this.#levelRibbon = before.levelRibbon;
    this.#circuits = new Copied(before.circuits);
    this.#ribbons = new Copied(before.ribbons);
    this.#features = new Copied(before.features);
  }

  take(event: LiveEvent): void {
    switch (event.type) {
      case 'circuit':
        this.#takeCircuit(event.data);
        break;
      case 'feature':
        this.#features.set(event.data.name, { value: event.data, heardAtMs: this.#nowMs });
        break;
      case 'level':
        this.#level = { level: event.data.level, reason: event.data.reason };
        this.#levelRibbon = extended(this.#levelRibbon, event.data.atMs, String(event.data.level));
        break;
      case 'action':
        this.#actions.push(event.data);
        break;
      case 'sample':
        this.#samples.push(event.data);
        break;
      case 'hello':
      case 'policy':
      case 'catalogue':
        break; // these say that lists must be loaded
      default: // what is not known yet is passed over
    }
  }

  state(): ConsoleState {
    const { samples, actions } = this.#before;
    const lastAtMs = samples.at(-1)?.atMs ?? 0;
    const known = new Set(this.#actions.length === 0 ? [] : actions.map(({ id }) => id));
    const newSamples = this.#samples.filter(({ atMs }) => atMs > lastAtMs); // (2)
    const newActions = this.#actions.filter(({ id }) => !known.has(id)); // (2)
    return {
      ...this.#before,
      level: this.#level,
      levelRibbon: this.#levelRibbon,
      circuits: this.#circuits.map,
      ribbons: this.#ribbons.map,
      features: this.#features.map,
      samples: newSamples.length === 0 ? samples : [...samples, ...newSamples].slice(-MAX_SAMPLES), // (3)
      actions: newActions.length === 0 ? actions : withNew(actions, newActions),
    };
  }

  #takeCircuit({ id, to, atMs, remainingOpenMs, reason, hold, fleetHold }: CircuitChange): void {
    const heard = this.#circuits.map.get(id);
    if (heard === undefined) return; // a catalogue event comes as well
    const value: Circuit = {
      ...heard.value,
      state: to,
      remainingOpenMs: remainingOpenMs ?? 0,
      ...(reason !== undefined && { tripReason: reason }),
      hold,
      fleetHold,
    };
    this.#circuits.set(id, { value, heardAtMs: this.#nowMs });
    this.#ribbons.set(id, extended(this.#ribbons.map.get(id) ?? [], atMs, to));
  }
}

/** A map that is copied when it is first written to. */
class Copied<Value> {
  map: ReadonlyMap<string, Value>;
  #own: Map<string, Value> | undefined = undefined;

  constructor(map: ReadonlyMap<string, Value>) {
    this.map = map;
  }

  set(key: string, value: Value): void {
    if (this.#own === undefined) this.map = this.#own = new Map(this.map); // (1)
    this.#own.set(key, value);
  }
}

/** Returns the ribbon with a state that begins at `atMs`, if it does not know it already. */
function extended(ribbon: Ribbon, atMs: number, state: string): Ribbon {
  const last = ribbon.at(-1);
  if (last !== undefined && (last[0] > atMs || last[1] === state)) return ribbon; // (2)
  const kept = ribbon.length >= MAX_CHANGES ? ribbon.slice(1 - MAX_CHANGES) : ribbon; // (3)
  return [...kept, [atMs, state]];
}

/** Returns the actions with new ones at the end; what was undone by them cannot be undone again. */
function withNew(actions: readonly Action[], added: readonly Action[]): readonly Action[] {
  const undone = new Set(added.map(({ undoes }) => undoes));
  const all = [...actions, ...added].slice(-MAX_ACTIONS); // (3)
  return all.map((action) => (undone.has(action.id) ? { ...action, isUndoable: false } : action));
}
