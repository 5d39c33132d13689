/**
 * Group coordinator: the members of one consumer group, their generation and the offsets that they have committed.
 *
 *   empty ── join ─► preparing ── all have joined, or the time for it is over ─► completing ── leader has assigned ─► stable
 *                      ▲                                                                                               │
 *                      └──── a member joins, leaves, is silent for too long, or a rebalance is asked for ◄─────────────┘
 *
 * As the classic group protocol has it: a commit is refused under another generation than the current one, and by whom the
 * group does not know; whose partition it is, is not asked.
 *
 * Source: Kafka 3.x, `GroupCoordinator` and KIP-62 (`rebalance_timeout`).
 *
 * @module
 */

/** What a member is told, and asks to be told later. */
export interface JoinAnswer {
  readonly errorCode: number;
  readonly generation: number;
  readonly protocol: string;
  readonly leader: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
}

/** A request to join. */
export interface JoinRequest {
  readonly memberId: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[];
}

/** One commit, also where it was refused. */
export interface CommitRecord {
  readonly memberId: string;
  readonly clientId: string;
  readonly generation: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly errorCode: number;
}

/** Codes of errors, as the protocol has them. */
export const errorCodes = {
  none: 0,
  notCoordinator: 16,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
} as const;

interface Member {
  readonly memberId: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  protocols: JoinRequest['protocols'];
  answerJoin: ((answer: JoinAnswer) => void) | undefined;
  answerSync: ((errorCode: number, assignment: Buffer) => void) | undefined;
  session: NodeJS.Timeout | undefined;
}

/** One group. */
export class GroupCoordinator {
  state: 'empty' | 'preparing' | 'completing' | 'stable' = 'empty';
  generation = 0;
  /** All commits, in order. */
  readonly commits: CommitRecord[] = [];
  /** Told of each commit that is accepted. */
  onCommit: (commit: CommitRecord) => void = () => {};
  /** Members that were thrown out, since they were silent or did not join again in time. */
  readonly evicted: string[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #members = new Map<string, Member>();
  #leader = '';
  #joinTimer: NodeJS.Timeout | undefined = undefined;
  #count = 0;

  get memberCount(): number {
    return this.#members.size;
  }

  /** Names of the clients that are members. */
  get clients(): readonly string[] {
    return [...this.#members.values()].map(({ clientId }) => clientId);
  }

  /** The offset committed for a partition; -1 for none. */
  committed(topic: string, partition: number): number {
    return this.#offsets.get(`${topic}/${partition}`) ?? -1;
  }

  join(request: JoinRequest, answer: (answer: JoinAnswer) => void): void {
    const memberId = request.memberId === '' ? `${request.clientId}-${++this.#count}` : request.memberId;
    if (request.memberId !== '' && !this.#members.has(memberId)) {
      answer({ errorCode: errorCodes.unknownMember, generation: -1, protocol: '', leader: '', memberId, members: [] });
      return;
    }
    const member = this.#members.get(memberId) ?? { ...request, memberId, answerSync: undefined, session: undefined };
    this.#members.set(memberId, Object.assign(member, { protocols: request.protocols, answerJoin: answer }));
    this.#rest(member as Member);
    this.rebalance();
  }

  sync(
    memberId: string,
    generation: number,
    assignments: ReadonlyMap<string, Buffer>,
    answer: NonNullable<Member['answerSync']>,
  ): void {
    const errorCode = this.#check(memberId, generation);
    const member = this.#members.get(memberId);
    if (member === undefined || errorCode !== errorCodes.none) return answer(errorCode, Buffer.alloc(0));
    this.#touch(member);
    if (this.state === 'preparing') return answer(errorCodes.rebalanceInProgress, Buffer.alloc(0));
    member.answerSync = answer;
    if (memberId !== this.#leader) return;
    this.state = 'stable';
    for (const each of this.#members.values()) {
      each.answerSync?.(errorCodes.none, assignments.get(each.memberId) ?? Buffer.alloc(0));
      each.answerSync = undefined;
    }
  }

  heartbeat(memberId: string, generation: number): number {
    const errorCode = this.#check(memberId, generation);
    const member = this.#members.get(memberId);
    if (member !== undefined) this.#touch(member);
    if (errorCode !== errorCodes.none) return errorCode;
    return this.state === 'preparing' ? errorCodes.rebalanceInProgress : errorCodes.none;
  }

  leave(memberId: string): number {
    if (!this.#members.has(memberId)) return errorCodes.unknownMember;
    this.#remove(memberId);
    return errorCodes.none;
  }

  /** Records a commit if it is of the current generation. Returns the code of its error. */
  commit(record: Omit<CommitRecord, 'errorCode' | 'clientId'>): number {
    const clientId = this.#members.get(record.memberId)?.clientId ?? '?';
    let errorCode: number = this.#check(record.memberId, record.generation);
    if (errorCode === errorCodes.none && this.state === 'completing') errorCode = errorCodes.rebalanceInProgress;
    const commit = { ...record, clientId, errorCode };
    this.commits.push(commit);
    if (errorCode !== errorCodes.none) return errorCode;
    this.onCommit(commit);
    this.#offsets.set(`${record.topic}/${record.partition}`, record.offset);
    return errorCode;
  }

  /** Begins a rebalance: all members are asked to join again, by the answer to their next heartbeat. */
  rebalance(): void {
    if (this.state !== 'preparing') {
      this.state = 'preparing';
      for (const member of this.#members.values()) {
        member.answerSync?.(errorCodes.rebalanceInProgress, Buffer.alloc(0));
        member.answerSync = undefined;
      }
      const limitMs = Math.max(0, ...[...this.#members.values()].map((member) => member.rebalanceTimeoutMs));
      clearTimeout(this.#joinTimer);
      this.#joinTimer = setTimeout(() => this.#endJoin(), limitMs);
    }
    if ([...this.#members.values()].every(({ answerJoin }) => answerJoin !== undefined)) this.#endJoin();
  }

  /** Throws a client's member out, as if it had been silent for too long, without its knowledge. */
  expel(clientId: string): void {
    for (const member of this.#members.values()) if (member.clientId === clientId) this.#evict(member.memberId);
    this.rebalance();
  }

  stop(): void {
    clearTimeout(this.#joinTimer);
    for (const { session } of this.#members.values()) clearTimeout(session);
  }

  // --- internal ---

  #endJoin(): void {
    clearTimeout(this.#joinTimer);
    for (const member of this.#members.values()) if (member.answerJoin === undefined) this.#evict(member.memberId);
    const members = [...this.#members.values()];
    const [first] = members;
    if (first === undefined) {
      this.state = 'empty';
      return;
    }
    this.generation++;
    this.state = 'completing';
    this.#leader = this.#members.has(this.#leader) ? this.#leader : first.memberId;
    const protocol = first.protocols[0]?.name ?? '';
    for (const member of members) this.#answerJoin(member, members, protocol);
  }

  #answerJoin(member: Member, members: readonly Member[], protocol: string): void {
    const isLeader = member.memberId === this.#leader;
    const told = members.map(({ memberId, protocols }) => ({
      memberId,
      metadata: protocols.find(({ name }) => name === protocol)?.metadata ?? Buffer.alloc(0),
    }));
    const { answerJoin } = member;
    member.answerJoin = undefined;
    this.#touch(member);
    answerJoin?.({
      errorCode: errorCodes.none,
      generation: this.generation,
      protocol,
      leader: this.#leader,
      memberId: member.memberId,
      members: isLeader ? told : [],
    });
  }

  #check(memberId: string, generation: number): number {
    if (!this.#members.has(memberId)) return errorCodes.unknownMember;
    return generation === this.generation ? errorCodes.none : errorCodes.illegalGeneration;
  }

  #touch(member: Member): void {
    this.#rest(member);
    member.session = setTimeout(() => {
      this.#evict(member.memberId);
      this.rebalance();
    }, member.sessionTimeoutMs);
  }

  /** While a member waits for the answer to its join it need not be heard of. */
  #rest(member: Member): void {
    clearTimeout(member.session);
  }

  #evict(memberId: string): void {
    this.evicted.push(this.#members.get(memberId)?.clientId ?? memberId);
    clearTimeout(this.#members.get(memberId)?.session);
    this.#members.delete(memberId);
  }

  #remove(memberId: string): void {
    clearTimeout(this.#members.get(memberId)?.session);
    this.#members.delete(memberId);
    if (this.#members.size > 0) this.rebalance();
    else this.state = 'empty';
  }
}
