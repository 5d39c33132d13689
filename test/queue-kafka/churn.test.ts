import { Context } from '@holdfast/core';
import type { KafkaConsumer } from '@holdfast/queue/kafka';
import { describe, expect, it } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { type ConsumerLab, consumerLab, textOf } from './consumer-lab.ts';

const partitions = 4;
const perPartition = 120;

/** A small generator of numbers in [0, 1), the same for the same seed. */
function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** What was handled to its end, by partition and number. */
class Ledger {
  readonly done = Array.from({ length: partitions }, () => new Set<number>());
  readonly began = Array.from({ length: partitions }, (): number[] => []);
  runs = 0;

  get count(): number {
    return this.done.reduce((sum, each) => sum + each.size, 0);
  }

  /** Whether all messages of a partition before `offset` were handled. */
  isDoneBefore(partition: number, offset: number): boolean {
    return Array.from({ length: offset }, (_, at) => at).every((at) => this.done[partition]?.has(at));
  }
}

/** Starts and stops members at random until all messages were handled. */
async function churn(lab: ConsumerLab, ledger: Ledger, random: () => number): Promise<void> {
  const members: KafkaConsumer[] = [];
  const join = async (): Promise<void> => {
    const member = await lab.member(`m${members.length}-${Math.floor(random() * 1e6)}`, async (context, received) => {
      const { partition } = received;
      const number = Number(textOf(received));
      ledger.runs++;
      ledger.began[partition]?.push(number);
      await sleep(random() < 0.02 ? 250 : 2);
      if (random() < 0.05) throw new Error('at random');
      context.throwIfCancelled();
      ledger.done[partition]?.add(number);
    });
    members.push(member);
  };
  const step = async (): Promise<void> => {
    const dice = random();
    if (members.length < 3 && dice < 0.5) await join();
    else if (members.length > 1 && dice < 0.7)
      await members.shift()?.drain(Context.background.withTimeout(random() < 0.5 ? 50 : 2000));
    else if (dice < 0.8) lab.broker.dropConnections();
    else if (dice < 0.9) lab.broker.group('g').rebalance();
  };
  await join();
  for (let round = 0; ledger.count < partitions * perPartition && round < 200; round++) {
    await sleep(100);
    await step();
  }
}

describe('kafkaConsumer: members that come and go at random', () => {
  it.each([11])(
    'lose no message, and commit none that was not handled (seed %d)',
    async (seed) => {
      const lab = await consumerLab(partitions);
      const ledger = new Ledger();
      const numbers = Array.from({ length: perPartition }, (_, at) => String(at));
      for (let partition = 0; partition < partitions; partition++) await lab.fill(partition, numbers);
      const early: string[] = [];
      lab.broker.group('g').onCommit = ({ clientId, partition, offset }) => {
        if (!ledger.isDoneBefore(partition, offset)) early.push(`${clientId} ${partition} ${offset}`);
      };
      await churn(lab, ledger, numbersOf(seed));
      await eventually(() => ledger.count === partitions * perPartition, { what: 'all messages', limitMs: 30_000 });

      expect(early).toEqual([]);
      expect(lab.broker.group('g').generation).toBeGreaterThan(3);
      expect(ledger.runs).toBeLessThan(partitions * perPartition * 1.5);
    },
    60_000,
  );
});
