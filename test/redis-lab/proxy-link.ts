/**
 * Proxy link: one proxied connection, both its directions.
 *
 * @module
 */

import type { Socket } from 'node:net';

import { type Behaviour, type Flow, pass } from './flow.ts';
import { ProxyLane } from './proxy-lane.ts';

/** What a test may know of a connection in order to choose how it behaves. */
export interface Link {
  /** 1 for the first connection of the proxy, and so on. */
  readonly id: number;
  /** Whether the client has sent `text` within its first 16 KiB; case does not matter. */
  hasSent(text: string): boolean;
}

/** What a proxy wants to hear of its links. */
export interface LinkListener {
  /** The client has sent more of its first bytes: what is true of {@link Link.hasSent} may have changed. */
  readonly learned: (link: ProxyLink) => void;
  readonly wasCut: (flow: Flow) => void;
  readonly closed: (link: ProxyLink) => void;
}

const learnedLength = 16_384;

export class ProxyLink implements Link {
  readonly id: number;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #listener: LinkListener;
  readonly #toServer: ProxyLane;
  readonly #toClient: ProxyLane;
  #sent = '';
  #isOver = false;

  /** Both sockets must have been made with `allowHalfOpen`. */
  constructor(id: number, sockets: { readonly client: Socket; readonly server: Socket }, listener: LinkListener) {
    this.id = id;
    this.#client = sockets.client;
    this.#server = sockets.server;
    this.#listener = listener;
    const reset = (): void => this.reset();
    const { wasCut } = listener;
    this.#toServer = new ProxyLane({
      source: this.#client,
      target: this.#server,
      reset,
      wasCut,
      arrived: (chunk) => this.#hear(chunk),
    });
    this.#toClient = new ProxyLane({ source: this.#server, target: this.#client, reset, wasCut, arrived: () => {} });
    watchEnd(this.#client, () => this.#toServer.isDeaf, this);
    watchEnd(this.#server, () => this.#toClient.isDeaf, this);
  }

  get bytes(): { readonly toServer: number; readonly toClient: number } {
    return { toServer: this.#toServer.forwardedBytes, toClient: this.#toClient.forwardedBytes };
  }

  hasSent(text: string): boolean {
    return this.#sent.includes(text.toLowerCase());
  }

  behave({ toServer = pass, toClient = pass }: Behaviour): void {
    this.#toServer.setFlow(toServer);
    this.#toClient.setFlow(toClient);
    this.settle();
  }

  /** Ends both sides in order, with a FIN. */
  finish(): void {
    this.#over(() => {
      this.#client.end();
      this.#server.end();
      this.#client.destroySoon();
      this.#server.destroySoon();
    });
  }

  /** Resets both sides, with an RST. */
  reset(): void {
    this.#over(() => {
      resetNow(this.#client);
      resetNow(this.#server);
    });
  }

  /** Closes what has no use any more, unless a side must not hear of it. */
  settle(): void {
    const isClientGone = this.#client.destroyed && !this.#toServer.isDeaf;
    const isServerGone = this.#server.destroyed && !this.#toClient.isDeaf;
    if (isClientGone || isServerGone) this.reset();
  }

  #hear(chunk: Buffer): void {
    if (this.#sent.length < learnedLength) {
      this.#sent = (this.#sent + chunk.toString('latin1').toLowerCase()).slice(0, learnedLength);
      this.#listener.learned(this);
    }
    this.#toServer.hearClient(chunk);
    this.#toClient.hearClient(chunk);
  }

  #over(end: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#toServer.close();
    this.#toClient.close();
    end();
    this.#listener.closed(this);
  }
}

/** An error of a socket resets the link, and so does its close, unless its flow keeps that from the other side. */
function watchEnd(socket: Socket, isDeaf: () => boolean, link: ProxyLink): void {
  socket.on('error', () => {}); // 'close' follows
  socket.on('close', () => {
    if (!isDeaf()) link.settle();
  });
}

/**
 * Resets a socket. Node.js shuts it down before; a socket that hears of an error in between, or while it still has something to
 * write, is never closed by it, and keeps the process from ending. So it hears nothing more, or is closed as it is.
 */
function resetNow(socket: Socket): void {
  const isWriting = socket.writableLength > 0 || (socket.writableEnded && !socket.writableFinished);
  if (socket.connecting || isWriting) {
    socket.destroy();
    return;
  }
  socket.pause();
  socket.resetAndDestroy();
}
