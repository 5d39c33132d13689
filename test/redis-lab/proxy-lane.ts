/**
 * Proxy lane: one direction of a proxied connection. Reads from one socket, writes to the other as its flow says.
 *
 *   source ── data, end ──► waiting ── pump, by the flow ──► target
 *
 * Invariants
 *  (1) What goes on is a prefix of what arrived, in order, however the flow changes; or the connection is reset.
 *  (2) At most about {@link highWaterBytes} wait: then the source is not read, and its peer feels it.
 *
 * @module
 */

import type { Socket } from 'node:net';

import { type Flow, pass, throttleStep } from './flow.ts';

/** Two sockets, one direction. */
export interface LaneEnds {
  readonly source: Socket;
  readonly target: Socket;
  /** Resets both sides of the connection. */
  readonly reset: () => void;
  /** Told before anything else is done with bytes that arrive. */
  readonly arrived: (chunk: Buffer) => void;
  /** Told when a cut has happened, before the reset. */
  readonly wasCut: (flow: Flow) => void;
}

const highWaterBytes = 65_536;

interface Waiting {
  /** Undefined for the end of the source. */
  chunk: Buffer | undefined;
  readonly dueAt: number;
}

export class ProxyLane {
  /** Bytes that went on. */
  forwardedBytes = 0;
  readonly #ends: LaneEnds;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flow: Flow = pass;
  #isArmed = false;
  #hasLost = false;
  /** Bytes that may still go on before a cut. */
  #beforeCut = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ends: LaneEnds) {
    this.#ends = ends;
    const { source } = ends;
    source.on('data', (chunk: Buffer) => this.#arrive(chunk));
    source.on('end', () => this.#arrive(undefined));
  }

  /** Whether the other side must not hear of what happens at this one. */
  get isDeaf(): boolean {
    return this.#flow.kind === 'stall' || this.#flow.kind === 'drop';
  }

  setFlow(flow: Flow): void {
    if (flow === this.#flow) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flow = flow;
    this.#isArmed = flow.kind === 'cut' && flow.armedBy === undefined;
    this.#beforeCut = flow.kind === 'cut' ? flow.afterBytes : 0;
    if (this.#hasLost && flow.kind !== 'drop') this.#ends.reset(); // (1)
    else this.#pump();
  }

  /** Hears what the client sends, whichever direction this lane is. */
  hearClient(chunk: Buffer): void {
    if (this.#flow.kind !== 'cut' || this.#isArmed) return;
    const { armedBy = '' } = this.#flow;
    this.#isArmed = chunk.toString('latin1').toLowerCase().includes(armedBy.toLowerCase());
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #arrive(chunk: Buffer | undefined): void {
    if (chunk !== undefined) this.#ends.arrived(chunk);
    const last = this.#waiting.at(-1)?.dueAt ?? 0;
    this.#waiting.push({ chunk, dueAt: Math.max(last, performance.now() + delayMs(this.#flow)) });
    this.#waitingBytes += chunk?.length ?? 0;
    if (this.#waitingBytes > highWaterBytes) this.#ends.source.pause(); // (2)
    this.#pump();
  }

  #pump(): void {
    switch (this.#flow.kind) {
      case 'pass':
        return this.#forward(Infinity);
      case 'delay':
        return this.#forwardDue();
      case 'stall':
        return undefined;
      case 'drop':
        return this.#lose();
      case 'throttle':
        return this.#trickle(this.#flow.bytesPerSecond);
      case 'cut':
        return this.#forwardUntilCut(this.#flow);
      default:
        return this.#flow satisfies never;
    }
  }

  #forwardDue(): void {
    const now = performance.now();
    while (this.#waiting[0] !== undefined && this.#waiting[0].dueAt <= now) this.#forward(this.#lengthOfFirst());
    const next = this.#waiting[0];
    if (next !== undefined) this.#later(next.dueAt - now);
  }

  #lose(): void {
    if (this.#waiting.length === 0) return;
    this.#hasLost = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#ends.source.resume();
  }

  #trickle(bytesPerSecond: number): void {
    if (this.#timer !== undefined || this.#waiting.length === 0) return;
    const { bytes, everyMs } = throttleStep(bytesPerSecond);
    this.#forward(bytes);
    this.#later(everyMs); // also after the last: the next byte may not come sooner
  }

  #forwardUntilCut(flow: Flow): void {
    if (!this.#isArmed) return this.#forward(Infinity);
    if (this.#waitingBytes === 0 || this.#waitingBytes < this.#beforeCut) {
      this.#beforeCut -= this.#waitingBytes;
      return this.#forward(Infinity);
    }
    this.#forward(this.#beforeCut);
    this.#ends.wasCut(flow);
    this.#ends.reset();
  }

  /** Lets at most `bytes` of what waits go on. */
  #forward(bytes: number): void {
    let rest = bytes;
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || (first.chunk !== undefined && rest <= 0)) break;
      if (first.chunk === undefined) {
        this.#waiting.shift();
        this.#ends.target.end();
        continue;
      }
      const head = first.chunk.subarray(0, rest);
      if (head.length === first.chunk.length) this.#waiting.shift();
      else first.chunk = first.chunk.subarray(head.length);
      rest -= head.length;
      this.#write(head);
    }
  }

  #write(bytes: Buffer): void {
    this.#waitingBytes -= bytes.length;
    this.forwardedBytes += bytes.length;
    this.#ends.target.write(bytes);
    if (this.#waitingBytes <= highWaterBytes) this.#ends.source.resume();
  }

  #lengthOfFirst(): number {
    return this.#waiting[0]?.chunk?.length ?? 0;
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, ms);
  }
}

function delayMs(flow: Flow): number {
  return flow.kind === 'delay' ? flow.ms + Math.random() * (flow.jitterMs ?? 0) : 0;
}
