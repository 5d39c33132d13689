/**
 * Global set-up of the tests of RabbitMQ: one server for all that break none. Where none can be had, the tests are skipped, and the
 * run says why.
 *
 * @module
 */

import type { TestProject } from 'vitest/node';

import { startRabbitmqServer } from '../rabbitmq-lab/rabbitmq-server.ts';
import { whyNoRabbitmq } from './rabbitmq-program.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the shared server is; empty where there is none. */
    rabbitmqUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const why = whyNoRabbitmq();
  project.provide('noRabbitmq', why);
  project.provide('rabbitmqUrl', '');
  if (why !== '') return undefined;
  const server = await startRabbitmqServer();
  project.provide('rabbitmqUrl', server.url);
  return () => server.stop();
}
