/**
 * Lane: carries what one node says to its ledger, one request at a time, and wakes it when it has something to say. It is the
 * only part of the node's side that knows timers and promises.
 *
 *   node has something due ─► timer ─► sync | step | flush ─► answer, or none in time ─► node ─► next
 *
 * Invariants
 *  (1) One request is under way at a time; nothing is sent in the turn of whoever wakes the lane.
 *  (2) A timer never keeps the process alive, and after `stop` there is none.
 *  (3) A timer that is late by more than {@link SLEEP_MS} means that the process has slept: the node is told before it speaks.
 *  (4) What the port or the node throws ends no lane: it goes on after {@link ERROR_PAUSE_MS}.
 *
 * @module
 */

import type { Clock, Timer } from '../kernel/clock.ts';
import { reportHookError } from '../kernel/hooks.ts';
import type { FleetNode } from './fleet-node.ts';
import type { FlushRequest, LedgerPort, RulingMessage, StepRequest, SyncRequest } from './ledger.ts';

/** What a lane is made of. */
export interface LaneParts {
  readonly node: FleetNode;
  readonly port: LedgerPort;
  readonly clock: Clock;
  /** Told after each request, answered or not, and after each message. */
  readonly onTurn?: () => void;
}

/** Carries the words of one node. */
export class Lane {
  private readonly node: FleetNode;
  private readonly port: LedgerPort;
  private readonly clock: Clock;
  private readonly onTurn: () => void;
  private timer: Timer | undefined = undefined;
  private timerAt = Infinity;
  private busy: Promise<void> | undefined = undefined;
  private hasBegun = false;
  private ending: Promise<void> | undefined = undefined;
  private notBefore = Number.NEGATIVE_INFINITY;

  constructor({ node, port, clock, onTurn = () => {} }: LaneParts) {
    this.node = node;
    this.port = port;
    this.clock = clock;
    this.onTurn = onTurn;
  }

  /** Begins to speak; does nothing after `stop`. */
  start(): void {
    this.hasBegun = true;
    this.wake();
  }

  /** Whether the lane was stopped: nothing is said or heard any more. */
  get hasEnded(): boolean {
    return this.ending !== undefined;
  }

  /** Something may be due earlier than was known. */
  wake(wakeAt: number = this.node.wakeAt(this.clock.now())): void {
    if (!this.hasBegun || this.hasEnded || this.busy !== undefined || wakeAt === Infinity) return; // (1)
    const now = this.clock.now();
    const at = Math.max(wakeAt, now, this.notBefore);
    if (at >= this.timerAt) return;
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = this.clock.setTimer(() => this.fire(), at - now);
    this.timer.unref(); // (2)
  }

  /** The subscription has begun, or was lost. */
  subscribed(isSubscribed: boolean): void {
    this.node.sync.subscribed(isSubscribed, this.clock.now());
    this.wake();
  }

  /** A message has come. */
  heard(message: RulingMessage): void {
    if (this.hasEnded) return;
    this.node.heard(message, this.clock.now());
    this.wake();
    this.tellTurn();
  }

  /** Gives back what the node holds and leaves the fleet, as far as the port lets it; then says no more. */
  stop(): Promise<void> {
    this.ending ??= this.hasBegun ? this.end() : Promise.resolve();
    return this.ending;
  }

  // --- internal ---

  private async end(): Promise<void> {
    this.disarm();
    await this.busy;
    let farewell = this.node.farewell(this.clock.now());
    for (let steps = 0; farewell !== undefined && steps < MAX_FAREWELLS; steps++) {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time: (1)
      await this.step(farewell);
      farewell = this.node.farewell(this.clock.now());
    }
    await this.sync({ ...this.node.nextSync(this.clock.now()), presence: true, nodeTtlMs: 0 });
  }

  private disarm(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.timerAt = Infinity;
  }

  private fire(): void {
    const hasSlept = this.clock.now() - this.timerAt > SLEEP_MS;
    this.disarm();
    this.busy = this.speak(hasSlept).then(
      () => this.rest(),
      (error: unknown) => {
        reportHookError('circuitStore', error);
        this.notBefore = this.clock.now() + ERROR_PAUSE_MS; // (4)
        this.rest();
      },
    );
  }

  private rest(): void {
    this.busy = undefined;
    this.wake();
    this.tellTurn();
  }

  private tellTurn(): void {
    try {
      this.onTurn();
    } catch (error) {
      reportHookError('circuitStore', error); // (4)
    }
  }

  /** Says what is due: where the ledger stands first, then what the circuits want, then what the windows have to tell. */
  private async speak(hasSlept: boolean): Promise<void> {
    const now = this.clock.now();
    if (hasSlept) this.node.slept(now); // (3)
    if (this.node.sync.dueAt <= now) {
      await this.sync(this.node.nextSync(now));
      const closes = this.node.localCloses(this.clock.now());
      if (closes !== undefined) await this.step(closes);
      return;
    }
    const step = this.node.nextStep(now);
    if (step !== undefined) await this.step(step);
    const { flush, bells } = this.node.nextFlush(this.clock.now());
    if (bells !== undefined) await this.step(bells);
    if (flush !== undefined) await this.flush(flush);
  }

  private async sync(request: SyncRequest): Promise<void> {
    try {
      const reply = await this.port.sync(request);
      this.node.synced(request, reply, this.clock.now());
    } catch {
      this.node.sync.failed(this.clock.now()); // the port counts its errors
    }
  }

  private async step(request: StepRequest): Promise<void> {
    const askedAt = this.clock.now();
    try {
      const reply = await this.port.step(request);
      this.node.stepped(request, reply, askedAt, this.clock.now());
    } catch {
      this.node.stepLost(request, this.clock.now());
    }
  }

  private async flush(request: FlushRequest): Promise<void> {
    try {
      const reply = await this.port.flush(request);
      this.node.flushed(request, reply, this.clock.now());
    } catch {
      this.node.sync.refuseTicket(this.clock.now());
    }
  }
}

/** A timer this late was not late by itself. Milliseconds. */
const SLEEP_MS = 1000;

/** What the node throws once it may throw again at once: so long it is not asked. Milliseconds. */
const ERROR_PAUSE_MS = 1000;

/** Requests by which a node gives back what it holds. */
const MAX_FAREWELLS = 32;
