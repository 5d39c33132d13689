/**
 * Fleet: the processes, started and ended, and what each has told of itself.
 *
 * @module
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

import { callRate } from './circuit-rules.ts';
import type { FromMember, MemberPlan, MemberStatus, StateChange, ToMember } from './member-message.ts';
import { memberProgram } from './member-program.ts';
import { sleep } from './waiting.ts';

/** One process. */
export interface Member {
  readonly name: string;
  readonly callsPerSecond: number;
  /** What it told last; undefined until it has said something. */
  readonly status: MemberStatus | undefined;
  /** Changes of its circuit since {@link Fleet.forget}, in order. */
  readonly changes: readonly StateChange[];
  /** The longest that its breaker has kept a call waiting since {@link Fleet.forget}. Milliseconds. */
  readonly worstMs: number;
  /** How often it went by an older ruling than before. */
  readonly setbacks: number;
  isRunning(): boolean;
  tell(message: ToMember): void;
}

/** Where the processes meet. */
export type FleetPlan = Pick<MemberPlan, 'dependencyUrl' | 'redisUrl' | 'namespace'>;

/** Who is told of what happens in a fleet. */
export interface FleetListener {
  changed(member: Member, change: StateChange): void;
}

/** All processes. */
export interface Fleet {
  readonly members: readonly Member[];
  /** Forgets changes and the longest waits: a new act begins. */
  forget(): void;
  /** Whether `isSo` is so of the last word of every process. */
  every(isSo: (status: MemberStatus) => boolean): boolean;
  /** Ends all, and lets them give back what they hold. */
  end(): Promise<void>;
}

/** Starts so many processes. */
export async function startFleet(processes: number, plan: FleetPlan, listener: FleetListener): Promise<Fleet> {
  const program = await memberProgram();
  const members = Array.from({ length: processes }, (_, index) => new LiveMember(program.file, index, plan));
  for (const member of members) member.listener = listener;
  return {
    members,
    forget: () => members.forEach((member) => member.forget()),
    every: (isSo) => members.every(({ status }) => status !== undefined && isSo(status)),
    async end() {
      await Promise.all(members.map((member) => member.end()));
      program.remove();
    },
  };
}

// --- internal ---

/** Time that a process has to end by itself. Milliseconds. */
const END_LIMIT_MS = 2000;

class LiveMember implements Member {
  readonly name: string;
  readonly callsPerSecond: number;
  status: MemberStatus | undefined = undefined;
  changes: StateChange[] = [];
  worstMs = 0;
  setbacks = 0;
  listener: FleetListener | undefined = undefined;
  private readonly child: ChildProcess;

  constructor(file: string, index: number, plan: FleetPlan) {
    this.name = `process-${index + 1}`;
    this.callsPerSecond = callRate(index);
    const own: MemberPlan = { ...plan, name: this.name, callsPerSecond: this.callsPerSecond };
    this.child = fork(file, [JSON.stringify(own)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    this.child.on('message', (message: FromMember) => this.hear(message));
    this.child.on('error', () => {}); // that of a message which came too late
  }

  isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  tell(message: ToMember): void {
    if (this.child.connected) this.child.send(message, () => {});
  }

  forget(): void {
    this.changes = [];
    this.worstMs = 0;
  }

  async end(): Promise<void> {
    if (!this.isRunning()) return;
    this.listener = undefined;
    const ended = once(this.child, 'exit');
    this.tell({ kind: 'end' });
    const limit = new AbortController();
    sleep({ ms: END_LIMIT_MS, signal: limit.signal }).then(
      () => this.child.kill('SIGKILL'),
      () => {},
    );
    await ended;
    limit.abort();
  }

  private hear(message: FromMember): void {
    if (message.kind === 'changed') {
      this.changes.push(message.change);
      this.listener?.changed(this, message.change);
      return;
    }
    const before = this.status;
    const { status } = message;
    this.status = status;
    this.worstMs = Math.max(this.worstMs, status.worstMs);
    if (before !== undefined && status.fleet.ruling.epoch < before.fleet.ruling.epoch) this.setbacks++;
  }
}
