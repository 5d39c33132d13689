/**
 * Policy breaks: ways in which a policy could be wrong.
 *
 * @module
 */

import type { Break } from './break.ts';

const breaker = 'policies/circuit-breaker/breaker.ts';
const circuit = 'policies/circuit-breaker/circuit.ts';
const bulkhead = 'policies/bulkhead/bulkhead.ts';
const retry = 'policies/retry/retry.ts';
const fallback = 'policies/fallback/fallback.ts';
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
    find: 'const next = this.waiting.shift() as QueuedCall; // (3)',
    replace: 'const next = this.waiting.previous as unknown as QueuedCall; unlink(next);',
  },
  {
    name: 'bulkhead: one waiting call started per permit burst',
    file: bulkhead,
    find: '    while (this.running < this.settings.maxConcurrent && this.queued > 0) {',
    replace: '    if (this.running < this.settings.maxConcurrent && this.queued > 0) {',
  },
  {
    name: 'bulkhead: abandoned call keeps its place',
    file: bulkhead,
    find: '    if (unlink(queued)) this.queued--;',
    replace: '    unlink(queued);',
  },
  {
    name: 'bulkhead: arrival passes the queue',
    file: bulkhead,
    find: 'if (this.running >= this.settings.maxConcurrent || this.queued > 0) return false;',
    replace: 'if (this.running >= this.settings.maxConcurrent + (this.queued > 1 ? 1 : 0)) return false;',
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
    find: "if (verdict === 'ignored' || generation !== circuit.generation) return settledAt;",
    replace: "if (verdict === 'ignored') return settledAt;",
  },
  {
    name: 'breaker: ignored outcome counted as success',
    file: breaker,
    find: "if (verdict === 'ignored' || generation !== circuit.generation) return settledAt;",
    replace: 'if (generation !== circuit.generation) return settledAt;',
  },
  {
    name: 'breaker: event told before the state has changed',
    file: circuit,
    find: '    this.phase = phase;\n    this.entries++;\n    if (from !== phase.state) this.onTransition(from, phase.state);',
    replace:
      '    if (from !== phase.state) this.onTransition(from, phase.state);\n    this.phase = phase;\n    this.entries++;',
  },
  {
    name: 'breaker: lease not given back for an ignored probe',
    file: circuit,
    find: "    if (phase.state !== 'half-open' || !phase.leases.delete(lease)) return; // (3)",
    replace:
      "    if (phase.state !== 'half-open' || !phase.leases.has(lease)) return;\n    if (verdict !== 'ignored') phase.leases.delete(lease);",
  },
  {
    name: 'breaker: leases never expire',
    file: circuit,
    find: '    dropExpired(phase.leases, now); // (4)\n',
    replace: '',
  },
  {
    name: 'breaker: late probe not counted though nobody took its place',
    file: circuit,
    find: "    if (verdict === 'ignored') return; // (4)",
    replace: "    if (lease.expiresAt <= now || verdict === 'ignored') return; // (4)",
  },
  {
    name: 'breaker: probe results do not take places of the round',
    file: circuit,
    find: 'phase.leases.size + phase.succeeded + phase.failed >=',
    replace: 'phase.leases.size >=',
  },
  {
    name: 'breaker: probe of an earlier round settles the next',
    file: circuit,
    find: '!phase.leases.delete(lease)) return; // (3)',
    replace: '(phase.leases.delete(lease), false)) return;',
  },
  {
    name: 'breaker: opens above the ratio only',
    file: circuit,
    find: 'failures / calls >= this.rules.failureRatio',
    replace: 'failures / calls > this.rules.failureRatio',
  },
  {
    name: 'breaker: retryAfterMs is the whole open time',
    file: breaker,
    find: "reason === 'open' ? this.circuit.remainingOpenMs(now)",
    replace: "reason === 'open' ? this.settings.openForMs",
  },
  {
    name: 'breaker: caller giving up counted as failure',
    file: outcome,
    find: "return isTimeout(context.cause) ? 'failure' : 'ignored'; // (2)",
    replace: "return 'failure';",
  },
  {
    name: 'breaker: a call that never ran counted by its error',
    file: breaker,
    find: "this.sink.refuse(error, this.breaker.settleCall(this.generation, 'ignored', now));",
    replace:
      'this.sink.refuse(error, this.breaker.settleCall(this.generation, judgeError(this.breaker.settings.classify, error, this.context, this.breaker.settings.name), now));',
  },
  {
    name: 'retry: a last try that never ran hides those that did',
    file: retry,
    find: '    if (this.hasRun) this.sink.reject(error, now);\n    else this.sink.refuse(error, now);',
    replace: '    this.sink.refuse(error, now);',
  },
  {
    name: 'breaker: passed deadline ignored',
    file: outcome,
    find: "return isTimeout(context.cause) ? 'failure' : 'ignored'; // (2)",
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
    find: '    this.phase.window.expire(now);\n',
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
    find: 'if (delayMs >= this.context.remainingMs()) {',
    replace: 'if (delayMs < 0) {',
  },
  {
    name: 'retry: first error instead of the last',
    file: retry,
    find: '  private tryAgainOrFail(error: unknown, now: number): void {',
    replace:
      '  first: unknown;\n  private tryAgainOrFail(latest: unknown, now: number): void {\n    this.first ??= latest;\n    const error = this.first;',
  },
  {
    name: 'retry: one try too many',
    file: retry,
    find: 'if (this.attempt >= maxAttempts',
    replace: 'if (this.attempt > maxAttempts',
  },
  {
    name: 'retry: delay does not grow',
    file: retry,
    find: 'fullJitterMs(this.attempt + 1, bounds',
    replace: 'fullJitterMs(2, bounds',
  },
  {
    name: 'retry: wait does not end with the context',
    file: retry,
    find: '    this.timer?.cancel();\n    this.call.fail(cause, UNREAD); // (4)',
    replace: '',
  },
  {
    name: 'retry: hook asked though the context has ended',
    file: retry,
    find: 'this.context.cancelled || !this.isRetryable(error)',
    replace: '!this.isRetryable(error) || this.context.cancelled',
  },
  {
    name: 'fallback: asked though the context has ended',
    file: fallback,
    find: '    if (context.cancelled) return false; // (2)\n',
    replace: '',
  },
  {
    name: 'fallback: error of the operation lost when the substitute fails',
    file: fallback,
    find: 'new FallbackError(rule.name, this.error, fallbackError)',
    replace: 'new FallbackError(this.name, fallbackError, fallbackError)',
  },
  {
    name: 'fallback: not counted',
    file: fallback,
    find: '    rule.usedCount++; // (1)\n',
    replace: '',
  },
  {
    name: 'timeout: does not end the context inside',
    file: timedCall,
    find: '    scope.expire(); // the layers inside report to us\n    if (this.settled) return;',
    replace: '    if (this.settled) return;',
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
