/**
 * Subscription: what one exporter wants to see in a register.
 *
 * @module
 */

import type { Registry } from '@holdfast/core';

import type { RecorderSettings } from './call-recorder.ts';
import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import type { OutboxSource } from './service-source.ts';
import type { SingleSource } from './source.ts';

/** An outbox and what it is called. */
interface NamedOutbox {
  readonly name: string;
  readonly outbox: OutboxSource;
}

/** What one exporter wants to see. */
export interface Subscription {
  readonly registry: Registry;
  readonly degradation: DegradationSource | undefined;
  readonly contexts: ContextSource | undefined;
  /** What is read as a whole: a brownout, stores, trackers, supervisors, pools. */
  readonly singles: readonly SingleSource[];
  readonly outboxes: readonly NamedOutbox[];
  readonly maxNames: number;
  readonly maxKeys: number;
  /** Without bounds durations are not measured. */
  readonly recorder: RecorderSettings;
}
