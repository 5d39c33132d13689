/**
 * What is checked of each request that a ledger has executed.
 *
 * @module
 */

import type { HoldReply, Proposal, Result, StepReply, StepRequest } from '@holdfast/core/fleet';

import { noteFlushed, noteTrip } from './check-evidence.ts';
import { checkI8Again, checkI8Hold, effectOf, noteClaim, noteSettled } from './check-rounds.ts';
import { type Moment, checkI1Clock, noteTold } from './check-rulings.ts';
import type { Facts } from './facts.ts';
import type { LedgerView } from './ledger-view.ts';
import { type LedgerAnswer, rulingsOf } from './model-ledger.ts';

/** One execution of a request. */
export interface Execution extends Moment {
  /** Which request it is: the same for its ghosts. */
  readonly request: number;
  /** Whether it may be executed more than once. */
  readonly hasGhost: boolean;
  /** Differs for each execution. */
  readonly number: number;
}

/** Takes note of an execution, and of all that the ledger said. */
export function noteExecuted(view: LedgerView, facts: Facts, answer: LedgerAnswer, execution: Execution): void {
  const { at, nowUs } = execution;
  const moment = { at, nowUs };
  if (answer.method === 'step') noteStep(view, facts, answer, execution);
  if (answer.method === 'hold') noteHold(view, facts, answer.reply, execution);
  if (answer.method === 'flush') {
    const { request, reply } = answer;
    noteFlushed(view, facts, { request, results: reply.results, execution: execution.number }, moment);
  }
  if (answer.method !== 'step') for (const ruling of rulingsOf(answer)) noteTold(view, facts, ruling, moment);
  for (const { rulings } of answer.messages) {
    for (const ruling of rulings) noteTold(view, facts, ruling, moment);
  }
  if (answer.method !== 'sync' || !answer.reply.hasMore) checkI1Clock(view, answer.reply.clock);
}

// --- internal ---

function noteStep(
  view: LedgerView,
  facts: Facts,
  { request, reply }: { readonly request: StepRequest; readonly reply: StepReply },
  { at, nowUs, request: number, hasGhost }: Execution,
): void {
  const moment = { at, nowUs };
  for (const [index, proposal] of request.proposals.entries()) {
    const result = reply.results[index] as Result;
    if (hasGhost) noteEffect(view, facts, { proposal, result, key: `${number} ${index}` });
    noteProposal(view, facts, { proposal, result, node: request.node }, moment);
    if (result.ruling !== undefined) noteTold(view, facts, result.ruling, moment);
  }
}

function noteHold(view: LedgerView, facts: Facts, { code, ruling }: HoldReply, { request, hasGhost }: Execution): void {
  facts.count(`a hold is ${code}`);
  const isNew = code === 'done' && ruling.epoch !== (view.rulings.get(ruling.id)?.epoch ?? 0);
  if (!hasGhost || !isNew) return;
  checkI8Hold(view.effects.has(`${request} hold`));
  view.effects.set(`${request} hold`, code);
}

function noteEffect(
  view: LedgerView,
  facts: Facts,
  { proposal, result, key }: { readonly proposal: Proposal; readonly result: Result; readonly key: string },
): void {
  const before = view.effects.get(key);
  const effect = effectOf(result);
  if (before !== undefined) {
    facts.count('a request that was done is executed again');
    checkI8Again(proposal, result, before);
  } else if (effect !== undefined) view.effects.set(key, effect);
}

function noteProposal(
  view: LedgerView,
  facts: Facts,
  { proposal, result, node }: { readonly proposal: Proposal; readonly result: Result; readonly node: string },
  moment: Moment,
): void {
  facts.count(`an answer is ${result.code}`);
  switch (proposal.kind) {
    case 'trip':
      noteTrip(view, facts, { proposal, result, node }, moment);
      break;
    case 'claim':
      noteClaim(view, facts, { proposal, result, node }, moment);
      break;
    case 'report':
    case 'release':
      noteSettled(view, facts, { proposal, result }, moment);
      break;
    case 'bell':
    case 'local-close':
    case 'seed':
      if (result.code === 'done') facts.count(`a ${proposal.kind} is done`);
  }
}
