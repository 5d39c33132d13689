/**
 * Dying link: a link to a server whose process kills itself at a step, as a crash would.
 *
 * @module
 */

import type { ScriptLink } from '../../packages/redis/src/script-link.ts';

/** Where a process dies: at which script, and whether before it is sent, once it is, or when its reply is here. */
export type Death = readonly [script: string, when: 'before' | 'sent' | 'answered'];

/** Kills this process, at once. */
export function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Makes the process of `link` die at a step; never, where none is given. */
export function dyingLink(link: ScriptLink, death: Death | undefined): ScriptLink {
  const [name, when] = death ?? [];
  const run = link.run.bind(link);
  link.run = async (script, input) => {
    if (script.name !== name) return run(script, input);
    if (when === 'before') die();
    const asked = run(script, input);
    if (when === 'sent') setImmediate(die);
    const reply = await asked;
    if (when === 'answered') die();
    return reply;
  };
  return link;
}
