/**
 * Policy breaks: ways in which a policy could be wrong.
 *
 * @module
 */

import type { Break } from './break.ts';

const breaker = 'policies/circuit-breaker/breaker.ts';
const circuit = 'policies/circuit-breaker/circuit.ts';
const probeRound = 'policies/circuit-breaker/probe-round.ts';
const bulkhead = 'policies/bulkhead/permits.ts';
const waitingCalls = 'kernel/waiting-calls.ts';
const retry = 'policies/retry/retry-call.ts';
const fallbackCall = 'policies/fallback/fallback-call.ts';
const timedCall = 'policies/timeout/timed-call.ts';
const queue = 'policies/timeout/deadline-queue.ts';
const outcome = 'kernel/outcome.ts';

/** Breaks of policies and their mechanisms. */
export const policyBreaks: readonly Break[] = [
  {
    name: 'bulkhead: permit not given back when the call fails',
    file: bulkhead,
    find: '    this.permits.release(); // (2)\n    this.sink.reject',
    replace: '    this.sink.reject',
  },
  {
    name: 'bulkhead: latest first out of the queue',
    file: bulkhead,
    find: "if (maxWaitMs === Infinity && minRunMs === 0 && order === 'fifo') return this.waiting.take('oldest');",
    replace: "if (maxWaitMs === Infinity) return this.waiting.take('newest');",
  },
  {
    name: 'bulkhead: one waiting call started per permit burst',
    file: bulkhead,
    find: '      next.start(new BulkheadCall(this, next.arrival.sink), UNREAD);',
    replace: '      next.start(new BulkheadCall(this, next.arrival.sink), UNREAD);\n      break;',
  },
  {
    name: 'bulkhead: abandoned call keeps its place',
    file: waitingCalls,
    find: '    this.leave(call);\n    const { context, sink }',
    replace: '    const { context, sink }',
  },
  {
    name: 'bulkhead: arrival passes the queue',
    file: bulkhead,
    find: 'if (this.counts.running >= this.limits.maxConcurrent || this.waiting.length > 0) return false;',
    replace: 'if (this.counts.running >= this.limits.maxConcurrent + (this.waiting.length > 1 ? 1 : 0)) return false;',
  },
  {
    name: 'bulkhead: outcome goes out before the permit is handed on',
    file: bulkhead,
    find: '    this.permits.release(); // (2)\n    this.sink.resolve(value, now);',
    replace: '    this.sink.resolve(value, now);\n    this.permits.release();',
  },
  {
    name: 'breaker: outcome of an earlier state counted',
    file: breaker,
    find: '    if (generation !== circuit.generation) return this.countLate(verdict, settledAt); // (2)\n',
    replace: '',
  },
  {
    name: 'breaker: ignored outcome counted as success',
    file: breaker,
    find: "    if (verdict === 'ignored') return settledAt;\n",
    replace: '',
  },
  {
    name: 'breaker: event told before the state has changed',
    file: circuit,
    find: '    const from = this.phase;\n',
    replace: '    const from = this.phase;\n    if (from !== state) this.listener.onTransition(from, state);\n',
  },
  {
    name: 'breaker: lease not given back for an ignored probe',
    file: circuit,
    find: '    const isOut = round?.end(lease) === true;',
    replace: "    const isOut = verdict === 'ignored' || round?.end(lease) === true;",
  },
  {
    name: 'breaker: leases never expire',
    file: probeRound,
    find: '      if (lease.expiresAt <= now) this.leases.delete(lease); // (2)',
    replace: '      if (lease.expiresAt <= -1) this.leases.delete(lease);',
  },
  {
    name: 'breaker: late probe not counted though nobody took its place',
    file: circuit,
    find: "    if (verdict === 'ignored') return false; // (4)",
    replace: "    if (lease.expiresAt <= now || verdict === 'ignored') return false; // (4)",
  },
  {
    name: 'breaker: probe results do not take places of the round',
    file: probeRound,
    find: '    if (this.places >= maxProbes) return undefined;',
    replace: '    if (this.leases.size >= maxProbes) return undefined;',
  },
  {
    name: 'breaker: probe of an earlier round settles the next',
    file: circuit,
    find: '    if (round === undefined || !isOut || lease.ofFleet !== undefined) return false; // (3)',
    replace: '    if (round === undefined) return false;',
  },
  {
    name: 'breaker: opens above the ratio only',
    file: 'policies/circuit-breaker/trip-rule.ts',
    find: 'failures / calls >= ratio',
    replace: 'failures / calls > ratio',
  },
  {
    name: 'breaker: retryAfterMs is the whole open time',
    file: breaker,
    find: "reason === 'open' ? this.circuit.remainingOpenMs(now)",
    replace: "reason === 'open' ? this.rules.openForMs",
  },
  {
    name: 'breaker: caller giving up counted as failure',
    file: outcome,
    find: "return context.endedBy === 'deadline' || isTimeout(context.cause) ? 'failure' : 'ignored'; // (2)",
    replace: "return 'failure';",
  },
  {
    name: 'breaker: a call that never ran counted by its error',
    file: 'policies/circuit-breaker/admitted-call.ts',
    find: "this.sink.refuse(error, this.breaker.settleCall(this.generation, 'ignored', now));",
    replace:
      'this.sink.refuse(error, this.breaker.settleCall(this.generation, judgeError(this.breaker.rules.classify, error, this.context, this.breaker.name), now));',
  },
  {
    name: 'retry: a last try that never ran hides those that did',
    file: retry,
    find: 'else if (this.progress.hasRun) this.sink.reject(outcome.error, now);',
    replace: '',
  },
  {
    name: 'breaker: passed deadline ignored',
    file: outcome,
    find: "return context.endedBy === 'deadline' || isTimeout(context.cause) ? 'failure' : 'ignored'; // (2)",
    replace: "return 'ignored';",
  },
  {
    name: 'breaker: rejections of ours counted as failures',
    file: outcome,
    find: 'if (isRejection(error) || isCancelled(error))',
    replace: 'if (isCancelled(error))',
  },
  {
    name: 'time window: does not expire when it is read',
    file: circuit,
    find: '    this.window?.expire(now);\n',
    replace: '',
  },
  {
    name: 'time window: does not expire when it is written',
    file: 'mechanisms/time-window.ts',
    find: '    this.expire(now);\n    const slot',
    replace: '    if (this.newest === undefined) this.expire(now);\n    const slot',
  },
  {
    name: 'time window: keeps one bucket too long',
    file: 'mechanisms/time-window.ts',
    find: 'this.clear(this.slotOf(bucket - step))',
    replace: 'this.clear(this.slotOf(bucket - step + 1))',
  },
  {
    name: 'count window: forgets the wrong outcome',
    file: 'mechanisms/count-window.ts',
    find: 'if (++this.next === this.size) {',
    replace: 'if (++this.next >= this.size - 1) {',
  },
  {
    name: 'retry: tries again though no time is left',
    file: retry,
    find: 'if (delayMs + minAttemptMs >= this.context.remainingMs()) return',
    replace: 'if (delayMs < 0) return',
  },
  {
    name: 'retry: first error instead of the last',
    file: retry,
    find: '  private tryAgainOrEnd(outcome: Outcome, now: number): void {',
    replace:
      '  first: Outcome | undefined;\n  private tryAgainOrEnd(latest: Outcome, now: number): void {\n    this.first ??= latest;\n    const outcome = this.first;',
  },
  {
    name: 'retry: one try too many',
    file: retry,
    find: 'if (this.progress.attemptCount >= this.rule.settings.maxAttempts)',
    replace: 'if (this.progress.attemptCount > this.rule.settings.maxAttempts)',
  },
  {
    name: 'retry: delay does not grow',
    file: 'mechanisms/backoff.ts',
    find: 'return fullJitterMs(attempt, bounds, random);',
    replace: 'return fullJitterMs(2, bounds, random);',
  },
  {
    name: 'retry: wait does not end with the context',
    file: retry,
    find: '    this.timer?.cancel();\n    this.call.rule.counts.waiting--;\n    this.abandon(cause);',
    replace: '    if (false as boolean) this.abandon(cause);',
  },
  {
    name: 'retry: hook asked though the context has ended',
    file: retry,
    find: "    if (this.context.cancelled) return 'ended'; // (2)\n",
    replace: '',
  },
  {
    name: 'retry: budget asked before the deadline',
    file: retry,
    find: '    const askedMs = askedDelayMs(settings, outcome);\n',
    replace: "    const askedMs = askedDelayMs(settings, outcome);\n    if (!budget.spend()) return 'budget';\n",
  },
  {
    name: 'retry: what was paid for a try that never starts is lost',
    file: retry,
    find: '    this.call.rule.budget.giveBack();\n',
    replace: '',
  },
  {
    name: 'retry: every try earns',
    file: retry,
    find: 'const attempt = ++this.progress.attemptCount;',
    replace: 'const attempt = ++this.progress.attemptCount;\n    this.rule.budget.earn();',
  },
  {
    name: 'fallback: asked though the context has ended',
    file: fallbackCall,
    find: '    if (context.cancelled) return false; // (2)\n',
    replace: '',
  },
  {
    name: 'fallback: error of the operation lost when the substitute fails',
    file: fallbackCall,
    find: 'this.failing.error, errors.at(-1), errors)',
    replace: 'errors.at(-1), errors.at(-1), errors)',
  },
  {
    name: 'fallback: not counted',
    file: fallbackCall,
    find: 'else if (this.step === undefined) tally.used++;',
    replace: '',
  },
  {
    name: 'timeout: does not end the context inside',
    file: timedCall,
    find: '    scope.expire(); // the layers inside report to us\n    if (this.settled) return;',
    replace:
      '    if (this.settled) return;\n    this.settle();\n    this.sink.reject(new TimeoutError(rule.name, rule.timeoutMs), now);\n    return;',
  },
  {
    name: 'timeout: operation and caller get different errors',
    file: timedCall,
    find: 'this.reject(scope.cause, now); // (4)',
    replace: 'this.reject(this.expiryCause(), now);',
  },
  {
    name: 'timeout: overrules an earlier deadline of the caller',
    file: timedCall,
    find: 'scope.deadline <= now + timeoutMs :',
    replace: 'scope.deadline <= now + timeoutMs / 2 :',
  },
  {
    name: 'timeout: settles twice',
    file: timedCall,
    find: "    if (this.settled) {\n      this.report('rejected', error);\n      return;\n    }\n    this.settle();\n    this.sink.reject",
    replace: '    this.settle();\n    this.sink.reject',
  },
  {
    name: 'timeout: timer not set again for the next call',
    file: queue,
    find: '    if (first !== undefined && this.timer === undefined)',
    replace: '    if (first !== undefined && this.timer !== undefined)',
  },
  {
    name: 'timeout: ends calls before their time',
    file: queue,
    find: 'this.deadlineOf(first) <= now) {',
    replace: 'this.deadlineOf(first) <= now + 1) {',
  },
];
