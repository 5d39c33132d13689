/**
 * Fresh: something that events do not tell in full, asked for while it is looked at.
 *
 * @module
 */

import { useEffect, useState } from 'preact/hooks';

import { every } from '../browser.ts';
import { useConsole } from './console-context.ts';

/** Returns the latest answer of `path`; undefined before there is one. It is asked for anew when `cause` changes, too. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever asks says what the answer is
export function useFresh<Answer>(path: string, cause: unknown): Answer | undefined {
  const { ask, state } = useConsole();
  const [answer, setAnswer] = useState<{ readonly path: string; readonly value: Answer }>();
  const isLive = state.link.kind === 'live';
  useEffect(() => {
    if (!isLive) return undefined;
    let isWanted = true;
    const load = async (): Promise<void> => {
      const value = await ask<Answer>('GET', path).catch(() => undefined); // the link says when the service is gone
      if (isWanted && value !== undefined) setAnswer({ path, value });
    };
    void load();
    const stop = every(PERIOD_MS, () => void load());
    return () => {
      isWanted = false;
      stop();
    };
  }, [ask, path, cause, isLive]);
  return answer?.path === path ? answer.value : undefined;
}

// --- internal ---

const PERIOD_MS = 2000;
