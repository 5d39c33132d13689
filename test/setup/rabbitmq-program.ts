/**
 * Global set-up of tests of RabbitMQ: gets the programs once, before any test runs. Where none can be had, the tests are
 * skipped, and the run says why.
 *
 * @module
 */

import { messageOf } from '@holdfast/core';
import type { TestProject } from 'vitest/node';

import { rabbitmqFolder } from '../rabbitmq-lab/rabbitmq-program.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why there is no RabbitMQ; empty where there is one. */
    noRabbitmq: string;
  }
}

export default function setup(project: TestProject): void {
  project.provide('noRabbitmq', whyNoRabbitmq());
}

/** Returns why there is no RabbitMQ, which the run says, too; an empty text where there is one. */
export function whyNoRabbitmq(): string {
  try {
    rabbitmqFolder();
    return '';
  } catch (error) {
    console.warn(`skipped: ${messageOf(error)}`);
    return messageOf(error);
  }
}
