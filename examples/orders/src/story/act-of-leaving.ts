/**
 * Act of leaving: clients are killed while the database works for them, one after the other, while others go on ordering.
 * Every layer must stop at once, and nothing of anybody else.
 *
 *   order ─► seen in pg_stat_activity ─► killed ─► gateway, orders, inventory, transaction end ─► pg_stat_activity shows nothing
 *                                          0 ms ───────────────── measured ───────────────────────────────────►
 *
 * @module
 */

import type { Pool } from 'pg';

import { machineMs } from '../contract/hop.ts';
import { serviceNames } from '../platform/service-build.ts';
import type { ServiceReading } from '../service/service.ts';
import { type Sent, openDoomed, prepare } from './client.ts';
import { layersOfRequest } from './hop-book.ts';
import { ordinaryErrand, startLoad } from './load.ts';
import { type Stage, PATIENCE_MS, quantile } from './stage.ts';
import { until } from './waiting.ts';

/** Plays it. */
export async function playLeaving(stage: Stage): Promise<void> {
  const { platform, context, clients, figures, note } = stage;
  const load = startLoad({ url: platform.url, perSecond: 10, errandOf: ordinaryErrand }, context);
  const eye = platform.postgres.pool({ max: lanes, application_name: 'story' });
  const kills: Kill[] = [];
  let late = 0;
  const queue = Array.from({ length: clients }, (_, index) => index);
  const lane = async (): Promise<void> => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
      const kill = await killOne(stage, eye, index);
      if (kill !== undefined) kills.push(kill);
      else if (++late <= clients) queue.push(index); // its time was over before the database had begun: another one
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  await load.end();
  noteKills(stage, kills);
  figures.note('leaving.innocent', load.answers.filter(({ status }) => status !== 201).length);
  figures.note('leaving.reserved', await reservedOf(stage, kills));
  figures.note('leaving.left', await leftBehind(stage));
  await eye.end();
  note(
    `${kills.length} clients killed in the middle of it; 99 in 100 had every layer stopped within ${p99(kills).toFixed(0)} ms`,
  );
}

// --- internal ---

/** Clients that are killed side by side. */
const lanes = 2;

interface Kill extends Sent {
  /** Until every layer had ended, on a clock that all have in common. Milliseconds; Infinity where one never did. */
  readonly layersMs: number;
  /** Until the database was seen doing nothing for it any more: a little later than it was so. */
  readonly databaseMs: number;
}

/** Kills one client; undefined where its request had ended before. */
async function killOne(stage: Stage, eye: Pool, index: number): Promise<Kill | undefined> {
  const { platform, hops, context, show, note } = stage;
  const sent = prepare({ user: 'eve', region: 'us', lines: [{ sku: 'piano', quantity: 1 }] });
  const client = await openDoomed(platform.url, sent);
  const isOver = (): boolean => hops.of(sent.traceId).some(({ layer }) => layer === 'gateway');
  await until(async () => isOver() || (await isActive(eye, sent)), PATIENCE_MS, context);
  if (isOver()) return undefined;
  if (index === 0) {
    show(sent.traceId);
    note('the database looks for a piano for eve: her client is killed');
  }
  const killedAt = machineMs();
  client.kill(index % 2 === 0 ? 'fin' : 'rst');
  const isGone = await until(async () => !(await isActive(eye, sent)), PATIENCE_MS, context);
  const databaseMs = isGone === undefined ? Infinity : machineMs() - killedAt;
  const told = await hops.complete(sent.traceId, layersOfRequest, { context, ms: PATIENCE_MS });
  const isComplete = layersOfRequest.every((layer) => told.some((hop) => hop.layer === layer));
  const layersMs = isComplete ? Math.max(...told.map(({ endedAt }) => endedAt)) - killedAt : Infinity;
  return { ...sent, layersMs, databaseMs };
}

/** Whether a statement runs for a request. Its transaction goes by the name of the trace. */
async function isActive(eye: Pool, { traceId }: Sent): Promise<boolean> {
  const { rows } = await eye.query(
    "select 1 from pg_stat_activity where application_name = $1 and state = 'active' and query like '%pg_sleep%'",
    [`inventory ${traceId}`],
  );
  return rows.length > 0;
}

function noteKills({ figures }: Stage, kills: readonly Kill[]): void {
  figures.note('leaving.clients', kills.length);
  figures.note('leaving.median_ms', quantile(kills.map(stoppedMs), 0.5));
  figures.note('leaving.p99_ms', p99(kills));
  figures.note(
    'leaving.layers_ms',
    quantile(
      kills.map(({ layersMs }) => layersMs),
      0.99,
    ),
  );
  figures.note(
    'leaving.database_ms',
    quantile(
      kills.map(({ databaseMs }) => databaseMs),
      0.99,
    ),
  );
  figures.note('leaving.statements_left', kills.filter(({ databaseMs }) => databaseMs === Infinity).length);
}

function p99(kills: readonly Kill[]): number {
  return quantile(kills.map(stoppedMs), 0.99) ?? Infinity;
}

function stoppedMs({ layersMs, databaseMs }: Kill): number {
  return Math.max(layersMs, databaseMs);
}

/** How many of the killed clients' orders were carried out all the same, or told to the audit. */
async function reservedOf({ platform }: Stage, kills: readonly Kill[]): Promise<number> {
  const refs = kills.map(({ ref }) => ref);
  const [row] = await platform.postgres.query<{ count: number }>(
    `select (select count(*) from reservation where order_ref = any($1))::int
          + (select count(*) from audit where order_ref = any($1))::int as count`,
    [refs],
  );
  return row?.count ?? Infinity;
}

/** What is under way in the services when nobody asks for anything any more, after a moment for what is just ending. */
async function leftBehind({ platform, context }: Stage): Promise<number> {
  let left = Infinity;
  const count = async (): Promise<boolean> => {
    const readings = await Promise.all(serviceNames.map(async (name) => platform.service(name)?.read()));
    left = readings.reduce((sum, reading) => sum + underWayIn(reading), 0);
    return left === 0;
  };
  await until(count, PATIENCE_MS, context);
  return left;
}

function underWayIn(reading: ServiceReading | undefined): number {
  return reading === undefined ? Infinity : reading.open + reading.background + reading.checkedOut;
}
