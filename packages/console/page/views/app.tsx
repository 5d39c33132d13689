/**
 * App: asks for a token, and shows the console to whoever has one.
 *
 *   no token ── a token was accepted ──► console
 *       ▲                                   │
 *       └── signed out, or refused since ◄──┘
 *
 * The token is kept in this tab only, and leaves it only as a header of requests to the service.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';

import { type Session, openSession } from '../session.ts';
import { every, nowMs, session as memory } from '../browser.ts';
import { emptyState } from '../state/console-state.ts';
import { Announcer, useAnnouncer } from '../parts/announcer.tsx';
import { ConsoleContext, whyNotOf } from './console-context.ts';
import { Login } from './login.tsx';
import { Shell } from './shell.tsx';

/** The whole page. */
export function App(): VNode {
  const [token, setToken] = useState(() => memory.read('token'));
  const [notice, setNotice] = useState('');
  const enter = useCallback((accepted: string) => {
    memory.write('token', accepted);
    setNotice('');
    setToken(accepted);
  }, []);
  const leave = useCallback((why: string) => {
    memory.write('token', undefined);
    setNotice(why);
    setToken(undefined);
  }, []);
  if (token === undefined) return <Login notice={notice} onAccepted={enter} />;
  return <Signed key={token} token={token} onLeave={leave} />;
}

// --- internal ---

function Signed({ token, onLeave }: { readonly token: string; readonly onLeave: (why: string) => void }): VNode | null {
  const [state, draw] = useState(emptyState);
  const [session, setSession] = useState<Session>();
  const now = useNow();
  const { announcement, announce } = useAnnouncer();
  useEffect(() => {
    const onRefused = (): void => onLeave('The token is not accepted any more.');
    const opened = openSession(token, { draw, onRefused, announce });
    setSession(opened);
    return () => opened.close();
  }, [token, onLeave, announce]);
  if (session === undefined) return null;
  const whyNot = state.link.kind === 'lost' ? 'The service does not answer now.' : whyNotOf(state.index?.role);
  return (
    <ConsoleContext.Provider value={{ state, ask: session.ask, nowMs: now, whyNot, announce }}>
      <Shell onLeave={() => onLeave('')} />
      <Announcer text={announcement} />
    </ConsoleContext.Provider>
  );
}

/** The time, told anew every second. */
function useNow(): number {
  const [now, setNow] = useState(nowMs);
  useEffect(() => every(1000, () => setNow(nowMs())), []);
  return now;
}
