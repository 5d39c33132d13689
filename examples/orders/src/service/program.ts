/**
 * Program: a service as the program of a process. Whoever has started it is told where it listens and of each hop; without
 * anybody, hops are printed.
 *
 *   node orders-program.js '{"inventory":"127.0.0.1:50051","amqpUrl":"amqp://localhost"}'
 *
 * @module
 */

import { writeHop } from '../journal/hop-line.ts';
import type { Hop } from '../contract/hop.ts';
import type { Service, ServicePorts, ServiceReading } from './service.ts';

/** What a process tells whoever has started it. */
export type FromService =
  | { readonly kind: 'ready'; readonly port: number; readonly probesPort: number }
  | { readonly kind: 'hop'; readonly hop: Hop }
  | { readonly kind: 'reading'; readonly number: number; readonly reading: ServiceReading };

/** What it is asked. */
export interface ToService {
  readonly kind: 'read';
  readonly number: number;
}

/** Runs a service until it is stopped: by a signal, or since nobody is left who has started it. */
export async function runProgram(open: (plan: never, ports: ServicePorts) => Promise<Service>): Promise<void> {
  const plan = JSON.parse(process.argv[2] ?? '{}') as never; // whoever starts it knows what it must know
  const service = await open(plan, { process, tellHop: (hop) => tell({ kind: 'hop', hop }) });
  process.on('message', ({ number }: ToService) => tell({ kind: 'reading', number, reading: service.read() }));
  process.on('disconnect', () => void service.life.stop('nobody is left who has started it'));
  process.channel?.unref();
  await service.life.start();
  tell({ kind: 'ready', port: service.port(), probesPort: service.probesPort() });
}

// --- internal ---

function tell(message: FromService): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {}); // a parent that is just leaving hears nothing
  else if (message.kind === 'hop') console.log(writeHop(message.hop));
  else if (message.kind === 'ready')
    console.log(`listens at port ${message.port}, for probes at ${message.probesPort}`);
}
