/**
 * Health handler: the probes over HTTP, for anything of node:http's shape.
 *
 *   GET /livez   /readyz   /startupz     200 or 503, status and reasons
 *   GET /healthz                         the same, with all that it rests on, for people
 *
 * Source: Health Check Response Format for HTTP APIs, I. Nadareishvili, draft-inadarei-api-health-check, 2021.
 * Deviation: `status` and the media type are the draft's; `reasons` are ours.
 *
 * @module
 */

import type { HealthFacts, Verdict, Verdicts } from './verdict.ts';

/** What is read of a request. */
export interface HealthRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}

/** What is asked of a response. */
export interface HealthResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body?: string): unknown;
}

/** Answers if the request asks for health. Returns whether it did. */
export function answerHealth(
  request: HealthRequest,
  response: HealthResponse,
  report: () => Verdicts & HealthFacts,
): boolean {
  const path = request.url?.replace(/[?#].*$/s, '') ?? '';
  const look = looks.get(path);
  if (look === undefined) return false;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': '0' });
    response.end();
    return true;
  }
  const { status, ...rest } = look(report());
  const body = JSON.stringify({ status, ...rest });
  response.writeHead(status === 'fail' ? 503 : 200, {
    'Content-Type': 'application/health+json',
    'Cache-Control': 'no-store',
    'Content-Length': String(new TextEncoder().encode(body).byteLength),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}

// --- internal ---

const looks: ReadonlyMap<string, (report: Verdicts & HealthFacts) => Verdict> = new Map([
  ['/livez', ({ live }: Verdicts): Verdict => live],
  ['/readyz', ({ ready }: Verdicts): Verdict => ready],
  ['/startupz', ({ start }: Verdicts): Verdict => start],
  ['/healthz', whole],
]);

function whole(report: Verdicts & HealthFacts): Verdict {
  const { live, ready } = report;
  const status = live.status === 'fail' ? 'fail' : ready.status;
  return { status, reasons: [...new Set([...live.reasons, ...ready.reasons])], ...details(report) };
}

/** All that the verdicts rest on; `start` is the verdict of that probe. */
function details({ live, ready, start, state, checks, openCircuits }: Verdicts & HealthFacts): object {
  return { live: live.status, ready: ready.status, start: start.status, state, checks, openCircuits };
}
