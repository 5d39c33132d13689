/**
 * Admin under test: an endpoint with features on virtual time, and clients of it. All of it ends with the test.
 *
 * @module
 */

import type { Server } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';

import { onTestFinished } from 'vitest';

import { type Registry, createRegistry } from '@holdfast/core';
import { type VirtualClock, virtualClock } from '@holdfast/core/testing';
import { type Degradation, createDegradation, defineFeatures } from '@holdfast/degradation';

import { type Admin, type AdminOptions, createAdmin } from '../admin.ts';
import type { ListenerAddress } from '../listener.ts';

/** The token of every endpoint here. */
export const token = 'correct-horse-battery-staple';

/** The tokens of every endpoint here that has roles. */
export const tokens = {
  viewer: 'a-token-that-only-looks',
  operator: token,
  'break-glass': 'a-token-for-the-worst-of-days',
} as const;

/** Headers of a request with a body, by the role of its token. */
export function jsonAs(role: keyof typeof tokens): Readonly<Record<string, string>> {
  return { Authorization: `Bearer ${tokens[role]}`, 'Content-Type': 'application/json' };
}

/** Headers of a request without a body. */
export const auth: Readonly<Record<string, string>> = { Authorization: `Bearer ${token}` };

/** Headers of a request with a body. */
export const json: Readonly<Record<string, string>> = { ...auth, 'Content-Type': 'application/json' };

/** A change of `recommendations` that is accepted. */
export const change = { mode: 'cached', actor: 'alice', reason: 'INC-4711', expiresInMs: 60_000 } as const;

/** An endpoint and what it works on. */
export interface AdminUnderTest {
  readonly admin: Admin;
  readonly clock: VirtualClock;
  readonly registry: Registry;
  readonly degradation: Degradation<{ recommendations: 'full' | 'cached' | 'off'; checkout: 'full' | 'deferred' }>;
}

/** An answer, read to its end. */
interface ReadAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON; undefined where there was none. */
  readonly body: unknown;
}

/** An endpoint that listens, and requests to it with the right token unless they say otherwise. */
export interface ListeningAdmin extends AdminUnderTest, ListenerAddress {
  readonly ask: (path: string, init?: RequestInit) => Promise<ReadAnswer>;
  /** Sends a string as it is and anything else as JSON. */
  readonly put: (path: string, body: unknown) => Promise<ReadAnswer>;
}

/** Options of an endpoint under test; a registry of its own has that clock. */
type UnderTestOptions = Partial<Omit<AdminOptions, 'clock'>> & { readonly clock?: VirtualClock | undefined };

/** Makes an endpoint that does not listen. */
export function createAdminUnderTest(options: UnderTestOptions = {}): AdminUnderTest {
  const { registry: given, clock = virtualClock(), ...rest } = options;
  const registry = given ?? createRegistry({ clock });
  const features = defineFeatures({
    recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth' },
    checkout: { modes: ['full', 'deferred'], essential: true },
  });
  const degradation = createDegradation({ features, clock, wallClock: () => Date.UTC(2026, 0, 1) + clock.now() });
  const admin = createAdmin({
    registry,
    degradation,
    ...(options.tokens === undefined ? { token } : {}),
    clock,
    wallClock: () => Date.UTC(2026, 0, 1) + clock.now(),
    sampleMs: 0,
    maxRequestsPerSecond: 100_000,
    ...rest,
  });
  onTestFinished(() => admin.close());
  return { admin, clock, registry, degradation };
}

/** Makes an endpoint that listens. */
export async function startAdminUnderTest(options: UnderTestOptions = {}): Promise<ListeningAdmin> {
  const parts = createAdminUnderTest(options);
  const { url, port } = await parts.admin.listen();
  const ask = (path: string, init: RequestInit = {}): Promise<ReadAnswer> =>
    readAnswer(fetch(url + path, { headers: auth, ...init }));
  const put = (path: string, body: unknown): Promise<ReadAnswer> =>
    ask(path, { method: 'PUT', headers: json, body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { ...parts, url, port, ask, put };
}

/** Makes a server listen; returns its URL. */
export async function listenOn(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Opens a connection to send bytes on; `answer` is what comes back until it ends. */
export function openRaw(port: number): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => {}).on('close', () => resolve(text));
  });
  return { socket, answer };
}

/** The head of a change of `recommendations`, as bytes; `framing` is a header that says how long the body is. */
export function changeHead(framing: string): string {
  const headers = ['Host: localhost', `Authorization: Bearer ${token}`, 'Content-Type: application/json', framing];
  return `PUT /features/recommendations HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
}

// --- internal ---

async function readAnswer(call: Promise<Response>): Promise<ReadAnswer> {
  const response = await call;
  const { status, headers } = response;
  const text = await response.text();
  return { status, headers, body: text === '' ? undefined : JSON.parse(text) };
}
