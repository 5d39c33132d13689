/**
 * World: a fleet of simulated processes, their ledger and the network between them, in virtual time. All that happens in it is
 * decided by one seed.
 *
 *   storm ── so many steps ─► calm: no calls, no faults ─► I7 ─► recovery: calls, and dependencies that are well ─► I13 ─► storm
 *     └─ at times ─► eclipse: the ledger is away while all closes by itself ─► calm
 *
 * A step is one thing that happens: a call begins or ends, a request arrives and is executed, a reply, a message or a timer.
 *
 * @module
 */

import type { HoldRequest } from '@holdfast/core/fleet';
import { seededRandom } from '@holdfast/core/testing';

import { Agenda } from './agenda.ts';
import { LoneDemand, Recovery, checkI7Agreement } from './check-agreement.ts';
import { checkI3Believed, checkI22Left } from './check-leases.ts';
import { Facts } from './facts.ts';
import { LONG_AWAY_MS, strike } from './faults.ts';
import { LedgerSide } from './ledger-side.ts';
import type { MakeLedger } from './model-ledger.ts';
import { ModelNetwork, fair, foul } from './model-network.ts';
import { ModelProcess } from './model-process.ts';
import { type Plan, drawPlan } from './plan.ts';
import { Traffic } from './traffic.ts';
import { holds } from './violation.ts';

/** One simulated world. */
export class World {
  readonly random: () => number;
  readonly plan: Plan;
  readonly facts: Facts;
  readonly agenda = new Agenda();
  readonly processes: ModelProcess[] = [];
  readonly ledger: LedgerSide;
  readonly traffic: Traffic;
  stepCount = 0;
  private readonly network: ModelNetwork;
  private readonly notes: (readonly [at: number, what: string, about: unknown])[] = [];
  /** Whether every other process has no breaker for the last circuit: it hears of it, and tells of it a ledger that lost it. */
  private readonly hasStrangers: boolean;
  private processCount = 0;
  private crowdAt = Number.NEGATIVE_INFINITY;
  private settled: ModelProcess | undefined = undefined;

  constructor(seed: number, make: MakeLedger) {
    this.random = seededRandom(seed);
    this.hasStrangers = seed % 5 === 4;
    this.plan = drawPlan(this.random);
    this.facts = new Facts(this.plan);
    const { agenda, random, facts, plan, processes } = this;
    this.traffic = new Traffic({ plan, agenda, random });
    this.network = new ModelNetwork({
      agenda,
      random,
      facts,
      execute: (call, origin) => this.ledger.execute(call, origin),
      onSettled: (process) => (this.settled = process),
    });
    this.ledger = new LedgerSide({
      agenda,
      random,
      facts,
      ledger: make(`m${seed}`, plan.circuits),
      note: (what, about) => this.note(what, about),
      onCut: () => this.cutConnections(),
      onMessages: (messages) => this.network.tell(messages, processes),
    });
    facts.onTrip = (node) => this.suspendVoter(node);
    for (let count = 0; count < plan.nodeCount; count++) this.add();
  }

  /** Lets the world go on by so many steps, storms and all. */
  async play(steps: number): Promise<void> {
    const end = this.stepCount + steps;
    while (this.stepCount < end) {
      await this.storm(Math.min(end, this.stepCount + STORM_STEPS));
      if (this.random() < ECLIPSES) await this.eclipse();
      await this.calm();
      await this.recover();
    }
    const immortals = await this.ledger.immortals();
    holds('I14', immortals.length === 0, () => immortals.join(' '));
  }

  /** What has happened last, and what the world is like: for people. */
  story(): string {
    const lines = this.notes.map(([at, what, about]) => `${at.toFixed(1)} ${what} ${JSON.stringify(about)}`);
    return [JSON.stringify(this.plan), ...lines].join('\n');
  }

  /** Takes note of something that happens, for people. */
  note(what: string, about: unknown): void {
    this.notes.push([this.agenda.now, what, about]);
    if (this.notes.length > 2 * STORY_LENGTH) this.notes.splice(0, STORY_LENGTH);
  }

  /** The ledger answers nobody for so long. */
  goAway(ms: number): void {
    this.ledger.goAway(ms);
    const demand = new LoneDemand(this.processes, ms);
    this.agenda.after(ms - 1, () => demand.checkI13(this.ledger.isAway));
  }

  /** A process dies, and another takes its place. */
  replace(process: ModelProcess): void {
    process.die();
    this.processes.splice(this.processes.indexOf(process), 1);
    this.agenda.after(this.random() * 2000, () => this.add());
  }

  /** A process ends in good order, as far as it is heard, and another takes its place. */
  leave(process: ModelProcess): void {
    if (process.state !== 'up') return;
    process.isLeaving = true;
    this.processes.splice(this.processes.indexOf(process), 1);
    this.agenda.after(this.random() * 2000, () => this.add());
    void this.leaving(process);
  }

  /** An operator holds a circuit, or ends that; who is refused asks no more. */
  hold(state: HoldRequest['state'], id: string): void {
    const wish = { id, state, forMs: 100 + this.random() * 4000, owner: 'Ada', reason: 'release 7' };
    const delayMs = this.ledger.isStormy ? this.random() * 50 : 0;
    this.agenda.after(1, async () => {
      if (!this.ledger.isAway) this.network.operate(await this.ledger.wish(wish), delayMs);
    });
  }

  // --- internal ---

  private set isStormy(isStormy: boolean) {
    this.ledger.isStormy = isStormy;
    this.traffic.isStormy = isStormy;
    this.network.weather = isStormy ? foul : fair;
  }

  private async storm(untilStep: number): Promise<void> {
    this.isStormy = true;
    this.traffic.isOn = true;
    const next = (): void => {
      if (!this.ledger.isStormy) return;
      this.agenda.after(-Math.log(1 - this.random()) * this.plan.faultEveryMs, async () => {
        if (this.ledger.isStormy) await strike(this);
        next();
      });
    };
    next();
    while (this.stepCount < untilStep) await this.step(Infinity);
    this.isStormy = false;
  }

  /** All circuits are open, and the dependencies well again, when the ledger is away for long. */
  private async eclipse(): Promise<void> {
    this.traffic.breakAll();
    await this.until(ECLIPSE_AFTER_MS);
    this.traffic.mend();
    this.goAway(LONG_AWAY_MS);
    await this.until(LONG_AWAY_MS);
    this.facts.count('an eclipse');
  }

  /** No calls and no faults, until all that is under way has arrived and every node has synced twice. */
  private async calm(): Promise<void> {
    this.traffic.isOn = false;
    this.traffic.mend();
    this.ledger.goAway(0);
    for (const process of this.processes) {
      Object.assign(process, { isSick: false, isQuiet: false });
      process.wake();
      process.subscribe(true);
      await this.settle();
    }
    await this.until(LAST_GHOST_MS);
    const counts = new Map(this.processes.map((process) => [process, process.syncCount]));
    const limit = this.agenda.now + TWO_SYNCS_MS;
    const hasSynced = (process: ModelProcess): boolean => process.syncCount >= (counts.get(process) ?? 0) + 2;
    while (!this.processes.every(hasSynced) && (await this.step(limit)));
    holds('I7', this.processes.every(hasSynced), () => `not all nodes synced twice in ${TWO_SYNCS_MS} ms`);
    await this.until(SETTLE_MS);
    checkI7Agreement(this.processes, (await this.ledger.read()).rulings);
    this.facts.count('all agree');
  }

  /** Calls come, dependencies are well: every circuit must get its probes, and close. */
  private async recover(): Promise<void> {
    this.traffic.isOn = true;
    for (const id of this.plan.circuits) this.hold('auto', id);
    await this.until(5);
    const { rulings } = await this.ledger.read();
    const wanted = rulings.filter(({ id }) => this.processes.some((process) => process.watched(id) !== undefined));
    const recovery = new Recovery(this.plan, this.agenda.now, wanted);
    while (!recovery.isOver(this.ledger.view)) {
      await this.step(Infinity);
      recovery.checkI13(this.ledger.view, this.agenda.now);
    }
    this.facts.count('all are closed');
  }

  private async until(ms: number): Promise<void> {
    const end = this.agenda.now + ms;
    this.agenda.after(ms, () => {});
    while (await this.step(end));
  }

  /** Lets the next thing happen, if it does before `end`. */
  private async step(end: number): Promise<boolean> {
    const next = this.agenda.next(end);
    if (next === undefined) return false;
    this.stepCount++;
    this.checkProgress();
    const work = next.act();
    if (work !== undefined) await work;
    if (this.settled !== undefined || work !== undefined) await this.settle();
    if (this.facts.violation !== undefined) throw this.facts.violation;
    return true;
  }

  /** I13: time goes on, whatever there is to do. */
  private checkProgress(): void {
    if (this.stepCount % CROWD !== 0) return;
    holds('I13', this.agenda.now - this.crowdAt > 1, () => `${CROWD} things happen within a millisecond`);
    this.crowdAt = this.agenda.now;
  }

  /** Lets those go on who have been answered, and looks at what they have come to. */
  private async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
    const { settled, plan, facts } = this;
    this.settled = undefined;
    settled?.check();
    for (const id of plan.circuits) {
      const count = checkI3Believed(this.processes, id, plan);
      if (count === plan.breaker.maxProbes) facts.count('K leases are believed in');
    }
    if (settled !== undefined) this.traffic.useLeases(settled);
  }

  /** Now and then a machine is suspended before its vote is out: it will be cast late, by a clock that has stood still. */
  private suspendVoter(node: string): void {
    if (!this.ledger.isStormy || this.random() > 0.05) return;
    const process = this.processes.find(({ name }) => name === node);
    this.agenda.after(0, () => (this.ledger.isStormy ? process?.sleep(true) : undefined));
    this.agenda.after(5000 + this.random() * 60_000, () => process?.wake());
  }

  private async leaving(process: ModelProcess): Promise<void> {
    await process.lane.stop();
    this.facts.check(() => checkI22Left(process));
    process.die();
  }

  private cutConnections(): void {
    for (const process of this.processes) {
      process.subscribe(false);
      this.agenda.after(this.random() * 1000, () => process.subscribe(true));
    }
  }

  private add(): void {
    const { agenda, facts, plan, random } = this;
    const count = this.processCount++;
    const isStranger = this.hasStrangers && count % 2 === 1;
    const process = new ModelProcess({
      agenda,
      facts,
      name: `n${count}`,
      circuits: isStranger ? plan.circuits.slice(0, -1) : plan.circuits,
      random: seededRandom(Math.floor(random() * 2 ** 31)),
      clockError: { offsetMs: random() * 1e7, rate: 1 + plan.rateError * (2 * random() - 1) },
      port: (owner) => this.network.port(owner),
    });
    this.processes.push(process);
    agenda.after(random() * 50, () => process.subscribe(true));
    this.traffic.begin(process);
  }
}

const STORM_STEPS = 3000;

/** Share of storms that an eclipse follows, and how long everything fails before it. Milliseconds. */
const [ECLIPSES, ECLIPSE_AFTER_MS] = [0.25, 2000];
const STORY_LENGTH = 40;

/** More things than can happen within a millisecond, unless somebody goes in circles. */
const CROWD = 5000;

/** By then every late message has arrived, and no ghost has a good ticket any more. Milliseconds. */
const LAST_GHOST_MS = 16_000;

/** Within this two syncs of every node come, also after many that have failed. Milliseconds. */
const TWO_SYNCS_MS = 13_000;

/** Time for which nodes tell what the ledger lacks, and hear of it. Milliseconds. */
const SETTLE_MS = 500;

/** Turns of the microtask queue by which a lane has gone on with what it was answered. */
const TURNS = 12;
