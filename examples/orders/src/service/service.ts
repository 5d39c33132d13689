/**
 * Service: what a service is to the process that it runs in.
 *
 * @module
 */

import type { Lifecycle, LifecycleOptions } from '@holdfast/service';

import type { TellHop } from '../contract/hop.ts';

/** A service. */
export interface Service {
  readonly name: string;
  /** Starts and stops it. */
  readonly life: Lifecycle;
  /** Where it listens, once it has started; 0 for one that does not. */
  readonly port: () => number;
  /** Where the platform asks how it is, once it has started. */
  readonly probesPort: () => number;
  read(): ServiceReading;
}

/** What is under way in a service. */
export interface ServiceReading {
  /** Requests, calls or messages. */
  readonly open: number;
  /** Work that goes on after its request. */
  readonly background: number;
  /** Clients of the database that are out. */
  readonly checkedOut: number;
  /** States of its circuits, by name. */
  readonly circuits: Readonly<Record<string, string>>;
}

/** What a service needs of its process. */
export interface ServicePorts {
  /** Whose signals stop it; none where several services share a process. */
  readonly process?: NonNullable<LifecycleOptions['process']>;
  readonly tellHop: TellHop;
}

/**
 * Times of stopping. `notReadyForMs` is how long traffic still comes: short enough to watch here, seconds on a real platform. The
 * other is for everything; of it the requests under way get a share, which must be longer than the longest of them. Milliseconds.
 */
export const stopping = Object.freeze({ notReadyForMs: 300, stopTimeoutMs: 15_000 });

/** Nothing is under way. */
export const nothing: ServiceReading = Object.freeze({ open: 0, background: 0, checkedOut: 0, circuits: {} });
