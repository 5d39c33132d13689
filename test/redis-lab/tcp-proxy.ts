/**
 * TCP proxy: stands between a client and a server and breaks the network between them, live, for some connections or all.
 *
 *   const proxy = await startTcpProxy(server.port);
 *   const client = new Redis(proxy.port);
 *   proxy.apply({ toClient: { kind: 'stall' } });           // replies are lost on the way
 *   proxy.apply(halfOpen, subscribers);                     // and subscribers are cut off both ways
 *   proxy.heal();
 *
 * It lives in the process of the test: when that process is busy, so is the network.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer, connect, type Server, type Socket } from 'node:net';

import type { Behaviour, Flow } from './flow.ts';
import { freePort } from './free-port.ts';
import { type Link, type LinkListener, ProxyLink } from './proxy-link.ts';

/** Says for which connections a behaviour is meant. Asked again whenever a client has sent more of its first commands. */
export type LinkTest = (link: Link) => boolean;

/** What has gone through a proxy since its start. */
interface ProxyCounts {
  /** Connections that were accepted. */
  readonly connections: number;
  /** Connections that are open now. */
  readonly open: number;
  readonly toServerBytes: number;
  readonly toClientBytes: number;
  /** Connections that were cut by a flow `cut`. */
  readonly cuts: number;
}

/** A proxy of our own. */
export interface TcpProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  /**
   * Sets how connections behave, those that are open and those to come. Of several behaviours that are meant for a
   * connection, the one applied last holds, direction by direction. With `times`, it is over after as many cuts.
   */
  apply(behaviour: Behaviour, where?: LinkTest, how?: { readonly times?: number }): void;
  /** Forgets every behaviour, lets everything pass, and accepts connections again. */
  heal(): Promise<void>;
  /** Refuses new connections, as where no server listens; those that are open stay. */
  refuse(): Promise<void>;
  /** Accepts connections again. */
  accept(): Promise<void>;
  /** Resets open connections. Returns how many. */
  reset(where?: LinkTest): number;
  /** Ends open connections in order, with a FIN. Returns how many. */
  finish(where?: LinkTest): number;
  counts(): ProxyCounts;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Connections whose client has subscribed to a channel. */
export const subscribers: LinkTest = (link) => link.hasSent('subscribe\r\n');

/** Connections whose client has not, or not yet, subscribed to a channel. */
export const commands: LinkTest = (link) => !subscribers(link);

/** Starts a proxy in front of `serverPort` of 127.0.0.1. Nobody need listen there yet. */
export async function startTcpProxy(serverPort: number): Promise<TcpProxy> {
  const proxy = new LiveProxy(serverPort, await freePort());
  await proxy.accept();
  return proxy;
}

// --- internal ---

const host = '127.0.0.1';

interface Rule {
  readonly behaviour: Behaviour;
  readonly where: LinkTest;
  /** Cuts that are left. */
  times: number;
}

class LiveProxy implements TcpProxy {
  readonly host = host;
  readonly port: number;
  readonly #serverPort: number;
  readonly #links = new Set<ProxyLink>();
  readonly #listener: LinkListener;
  #rules: Rule[] = [];
  #server: Server | undefined;
  #connections = 0;
  #cuts = 0;
  /** Of connections that are closed. */
  #bytes = { toServer: 0, toClient: 0 };

  constructor(serverPort: number, port: number) {
    this.port = port;
    this.#serverPort = serverPort;
    this.#listener = {
      learned: (link) => this.#decide(link),
      wasCut: (flow) => this.#countCut(flow),
      closed: (link) => this.#forget(link),
    };
  }

  apply(behaviour: Behaviour, where: LinkTest = () => true, { times = Infinity }: { times?: number } = {}): void {
    this.#rules.push({ behaviour, where, times });
    this.#decideAll();
  }

  async heal(): Promise<void> {
    this.#rules = [];
    this.#decideAll();
    await this.accept();
  }

  async refuse(): Promise<void> {
    this.#server?.close(); // its callback waits for open connections
    this.#server = undefined;
    await new Promise(setImmediate);
  }

  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#open(client));
    this.#server = server;
    server.listen(this.port, host);
    await once(server, 'listening');
  }

  reset(where: LinkTest = () => true): number {
    return this.#endAll(where, (link) => link.reset());
  }

  finish(where: LinkTest = () => true): number {
    return this.#endAll(where, (link) => link.finish());
  }

  counts(): ProxyCounts {
    const { toServer, toClient } = [...this.#links].reduce((sum, { bytes }) => added(sum, bytes), this.#bytes);
    return {
      connections: this.#connections,
      open: this.#links.size,
      toServerBytes: toServer,
      toClientBytes: toClient,
      cuts: this.#cuts,
    };
  }

  async stop(): Promise<void> {
    await this.refuse();
    this.reset();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #open(client: Socket): void {
    const server = connect({ port: this.#serverPort, host, allowHalfOpen: true, noDelay: true });
    this.#connections += 1;
    const link = new ProxyLink(this.#connections, { client, server }, this.#listener);
    this.#links.add(link);
    this.#decide(link);
  }

  #decideAll(): void {
    for (const link of this.#links) this.#decide(link);
  }

  #decide(link: ProxyLink): void {
    const meant = this.#rules.filter(({ where }) => where(link));
    link.behave(Object.assign({}, ...meant.map(({ behaviour }) => behaviour)) as Behaviour);
  }

  #countCut(flow: Flow): void {
    this.#cuts += 1;
    const rule = this.#rules.find(({ behaviour }) => behaviour.toServer === flow || behaviour.toClient === flow);
    if (rule === undefined) return;
    rule.times -= 1;
    if (rule.times > 0) return;
    this.#rules = this.#rules.filter((other) => other !== rule);
    setImmediate(() => this.#decideAll()); // the one that is being cut is closed by then
  }

  #forget(link: ProxyLink): void {
    this.#links.delete(link);
    this.#bytes = added(this.#bytes, link.bytes);
  }

  #endAll(where: LinkTest, end: (link: ProxyLink) => void): number {
    const chosen = [...this.#links].filter(where);
    for (const link of chosen) end(link);
    return chosen.length;
  }
}

interface Bytes {
  readonly toServer: number;
  readonly toClient: number;
}

function added(one: Bytes, other: Bytes): Bytes {
  return { toServer: one.toServer + other.toServer, toClient: one.toClient + other.toClient };
}
