/**
 * Feature rights: the access rules of a store of features, as its page has them. What is tested is what is written.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { inRepository } from '../repository.ts';

/** The lines of an ACL file for a member and a follower, both with the password `pw`, beside a default user who may do all. */
export function featureUsers(namespace: string, isCluster = false): readonly string[] {
  const page = readFileSync(inRepository('docs/packages/redis-feature-store.md'), 'utf8');
  const cluster = isCluster ? taken(page, /On a Cluster also `([^`]*)`/) : [];
  const user = (name: string): string => {
    const rules = taken(page, new RegExp(`^ACL SETUSER ${name} on >\\*\\*\\* ([^\`]*)\`\`\``, 'm'));
    const words = [...rules, ...cluster].map((word) => word.replace('{shop-prod/', `{${namespace}/`));
    return `user ${name} on >pw ${words.join(' ')}`;
  };
  return ['user default on nopass ~* &* +@all', user('features'), user('follower')];
}

// --- internal ---

function taken(page: string, pattern: RegExp): readonly string[] {
  const found = pattern.exec(page)?.[1];
  if (found === undefined) throw new Error(`the page has no rules like ${String(pattern)}`);
  return found.split(/\s+/).filter((word) => word !== '');
}
