/**
 * Answers: what the page reads of the admin API's answers and events. The API tells more; this is what is shown.
 *
 * Instants whose names end in `Ms` are calendar milliseconds since 1970, by the service's clock.
 *
 * @module
 */

/** What the token may do. */
export type Role = 'viewer' | 'operator' | 'break-glass';

/** The state of a circuit; others may come, and are shown as they are called. */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'forced-open' | 'forced-closed';

/** `GET /`. */
export interface Index {
  readonly service: string;
  readonly role: Role;
  readonly nowMs: number;
  /** 0 where no samples are taken. */
  readonly sampleMs: number;
}

/** Where something is done: in the process that answers, or in all that share the circuit. */
type Scope = 'process' | 'fleet';

/** A hold: of the process, set through the API; or of the fleet, set by whomever. */
export interface Hold {
  readonly scope: Scope;
  readonly state: 'open' | 'closed';
  readonly actor: string;
  readonly reason: string;
  readonly expiresAt: string;
  readonly remainingMs: number;
}

/** A circuit breaker. */
export interface Circuit {
  readonly id: string;
  readonly policyId: string;
  /** The id of the pipeline or policy that it is in. */
  readonly within?: string;
  readonly name: string;
  readonly state: CircuitState;
  /** Undefined of a circuit that cannot be read. */
  readonly enforcement?: string;
  readonly scopes: readonly Scope[];
  readonly hold: Hold | null;
  readonly fleetHold: Hold | null;
  /** What this process knows of the fleet; undefined where the circuit is not shared. */
  readonly fleet?: { readonly view: 'fresh' | 'stale' | 'degraded' };
  readonly holds?: readonly {
    readonly owner: string;
    readonly state: string;
    readonly reason?: string;
    readonly remainingMs: number | null;
  }[];
  readonly calls?: number;
  readonly failures?: number;
  readonly slowCalls?: number;
  readonly remainingOpenMs?: number | null;
  readonly tripReason?: string;
  readonly passRatio?: number;
  readonly reopenings?: number;
  readonly verdicts?: Readonly<Record<string, number>>;
  readonly rejections?: Readonly<Record<string, number>>;
  readonly transitions?: Readonly<Record<string, number>>;
}

/** One override of a feature. */
export interface Override {
  readonly id: string;
  readonly kind: 'force' | 'atLeast' | 'atMost';
  readonly source: string;
  readonly mode: string;
  readonly actor: string;
  readonly reason: string;
  readonly shareRatio: number;
  readonly match: readonly unknown[];
  readonly isRestoring: boolean;
  readonly remainingMs: number;
}

/** A feature. */
export interface Feature {
  readonly name: string;
  readonly modes: readonly string[];
  readonly mode: string;
  readonly defaultMode: string;
  readonly decidedBy: string;
  readonly owner?: string;
  readonly notice?: string;
  readonly essential: boolean;
  readonly revision: number;
  readonly level: number;
  readonly override?: Override;
  readonly overrides: readonly Override[];
  readonly served: Readonly<Record<string, number>>;
}

/** The brownout level. */
export interface Level {
  readonly level: number;
  readonly reason: string;
}

/** A policy in the tree of a pipeline. */
export interface PolicyNode {
  readonly id?: string;
  readonly kind: string;
  readonly name: string;
  readonly enforcement: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly policies: readonly PolicyNode[];
}

/** A pipeline. */
export interface Pipeline {
  readonly id: string;
  readonly name: string;
  readonly calls: Readonly<Record<'success' | 'failure' | 'rejected' | 'cancelled' | 'running', number>>;
  readonly worstCase: {
    readonly maxRuns: number | null;
    readonly maxTimeMs: number | null;
    readonly whyRuns: string;
    readonly whyTime: string;
  };
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly advice: string }[];
  readonly policies: readonly PolicyNode[];
}

/** What is enough of JSON Schema for a field of a form. */
export interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** An option that can be changed while calls run. */
export interface ChangeableOption {
  readonly option: string;
  readonly value: unknown;
  readonly defaultValue: unknown;
  readonly expectation: string;
  readonly schema: FieldSchema;
}

/** A policy with its options. */
export interface Policy {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly enforcement: string;
  readonly isChangeable: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  readonly changeable: readonly ChangeableOption[];
}

/** What a change of options would do. */
export interface Difference {
  readonly differences: readonly { readonly option: string; readonly from: unknown; readonly to: unknown }[];
  readonly isUndoable: boolean;
}

/** Something that was done through the API. */
export interface Action {
  readonly id: string;
  readonly at: string;
  readonly kind: string;
  readonly target: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly actor: string;
  readonly reason: string;
  readonly role: string;
  readonly undoes?: string;
  readonly isUndoable: boolean;
}

/** What happened in one span: rows only for what had calls. */
export interface Sample {
  readonly atMs: number;
  readonly spanMs: number;
  readonly level: number;
  /** Success, failure, ignored, refused. */
  readonly circuits: Readonly<Record<string, readonly number[]>>;
  /** Success, failure, refused, cancelled, running. */
  readonly pipelines: Readonly<Record<string, readonly number[]>>;
  /** The 50th, 95th and 99th percentile. Milliseconds. */
  readonly latencies: Readonly<Record<string, readonly number[]>>;
}

/** States over time: when each began. */
export type Ribbon = readonly (readonly [atMs: number, state: string])[];

/** `GET /history`. */
export interface History {
  readonly nowMs: number;
  readonly sampleMs: number;
  readonly circuits: Readonly<Record<string, Ribbon>>;
  readonly level: Ribbon;
  readonly samples: readonly Sample[];
}

/** A circuit that changed. */
export interface CircuitChange {
  readonly id: string;
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly reason?: string;
  readonly remainingOpenMs?: number | null;
  readonly hold: Hold | null;
  readonly fleetHold: Hold | null;
  readonly atMs: number;
}

/** What the stream tells, by the names of its events. */
export type LiveEvent =
  | { readonly type: 'hello'; readonly data: { readonly isResumed: boolean; readonly atMs: number } }
  | { readonly type: 'circuit'; readonly data: CircuitChange }
  | { readonly type: 'feature'; readonly data: Feature }
  | { readonly type: 'level'; readonly data: Level & { readonly atMs: number } }
  | { readonly type: 'policy'; readonly data: { readonly id: string } }
  | { readonly type: 'catalogue'; readonly data: { readonly policyCount: number } }
  | { readonly type: 'action'; readonly data: Action }
  | { readonly type: 'sample'; readonly data: Sample };
