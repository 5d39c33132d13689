/**
 * Problem: what was refused, in the words of the service.
 *
 * @module
 */

import type { VNode } from 'preact';

import { ApiProblem } from '../api/admin-client.ts';

/** Shows a problem, and tells it to screen readers at once; nothing where the text is empty. */
export function Problem({ text }: { readonly text: string }): VNode {
  return (
    <div role="alert" class="problem-place">
      {text !== '' && <p class="problem">{text}</p>}
    </div>
  );
}

/** The words of whatever went wrong. */
export function problemTextOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return error instanceof Error ? error.message : String(error);
  return `${error.message.slice(0, 1).toUpperCase()}${error.message.slice(1)}${error.status > 0 ? ` (${error.code})` : ''}`;
}
