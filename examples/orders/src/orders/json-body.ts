/**
 * JSON body: reads and writes what `node:http` leaves to its users.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

/** Returns what the body says; undefined where it is no JSON or too long. Rejects when the client leaves in the middle of it. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

// --- internal ---

const MAX_BYTES = 65_536;
