/**
 * Noop: passes everything through, as if it were not there.
 *
 * Use it where a policy is expected and none is wanted: in a test, behind a switch, for an environment that needs no
 * protection. Left in a pipeline it costs nothing: it has no layer of its own.
 *
 * Invariants
 *  (1) What goes in and what comes out is the same with it as without it.
 *
 * @module
 */

import type { Handler } from '../../kernel/handler.ts';
import { isName, withDefaults } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';

/** Options of {@link noop}. Omitted ones take {@link noopDefaults}. */
export interface NoopOptions extends PolicyPorts {
  /** Names this instance in a registry. @defaultValue 'noop' */
  readonly name?: string;
}

/** Every default of {@link noop}, in one place. */
export const noopDefaults: Required<Omit<NoopOptions, keyof PolicyPorts>> = Object.freeze({ name: 'noop' });

/**
 * Creates a policy that does nothing. It holds no state: one instance may stand in any number of places.
 *
 * @throws ConfigError at creation, when an option is out of range.
 * @throws the operation's error from execute, unchanged.
 * @throws `context.cause` from execute, when the context ended first.
 *
 * @example
 * ```ts
 * const limit = isProduction ? bulkhead(20) : noop();
 * ```
 */
export function noop(options: NoopOptions = {}): LayeredPolicy {
  const { name } = withDefaults('noop', noopDefaults, options);
  isName('noop.name', name);
  return createPolicy({ kind: 'noop', name, layer: passThrough });
}

// --- internal ---

const passThrough = (inner: Handler): Handler => inner; // (1)
