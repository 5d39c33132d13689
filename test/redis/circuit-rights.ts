/**
 * Circuit rights: the access rules of a fleet, as the page for whoever operates one has them. What is tested is what is written.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { inRepository } from '../repository.ts';

/** The rules, word by word, for some namespace. */
export interface CircuitRights {
  /** Keys and channels of a node: `~rb1:{shop/*`. */
  readonly places: readonly string[];
  /** What a node may do: `+evalsha`. */
  readonly node: readonly string[];
  /** What it may do besides in a Cluster. */
  readonly cluster: readonly string[];
  /** What an operator has besides: keys and commands. */
  readonly operator: readonly string[];
}

/** Reads the page, with `namespace` in the place of its own. Throws where it has no such rules. */
export function circuitRights(namespace: string): CircuitRights {
  const page = readFileSync(inRepository('docs/guides/operating-a-fleet.md'), 'utf8').replaceAll(
    '{shop-prod/',
    `{${namespace}/`,
  );
  const words = taken(page, /^ACL SETUSER holdfast on >\*\*\* resetkeys resetchannels ([^`]*?) -@all/m);
  return {
    places: words,
    node: taken(page, /-@all\n([^`]*)\n```/),
    cluster: taken(page, /On a Cluster also `([^`]*)`/),
    operator: taken(page, /needs the operators' keys as well: `([^`]*)`/),
  };
}

/** The lines of an ACL file for a node and an operator, both with the password `pw`, beside a default user who may do all. */
export function circuitUsers(namespace: string, isCluster = false): readonly string[] {
  const { places, node, cluster, operator } = circuitRights(namespace);
  const may = [...places, '-@all', ...node, ...(isCluster ? cluster : [])].join(' ');
  const fresh = 'on >pw resetkeys resetchannels';
  return [
    'user default on nopass ~* &* +@all',
    `user app ${fresh} ${may}`,
    `user operator ${fresh} ${may} ${operator.join(' ')}`,
  ];
}

// --- internal ---

function taken(page: string, pattern: RegExp): readonly string[] {
  const found = pattern.exec(page)?.[1];
  if (found === undefined) throw new Error(`the page has no rules like ${String(pattern)}`);
  return found.split(/\s+/).filter((word) => word !== '');
}
