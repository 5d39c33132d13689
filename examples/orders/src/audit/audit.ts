/**
 * Audit: the service that writes down what was ordered. It takes messages of RabbitMQ, and keeps its log in PostgreSQL.
 *
 * @module
 */

import { createRegistry } from '@holdfast/core';
import { createLifecycle } from '@holdfast/service';

import { asHop } from '../contract/hop.ts';
import { openDatabase } from '../service/database.ts';
import { createProbes } from '../service/probes.ts';
import { type Service, type ServicePorts, nothing, stopping } from '../service/service.ts';
import { writeAudit } from './audit-log.ts';
import { AuditMessages } from './audit-messages.ts';

/** What the audit must know. */
export interface AuditPlan {
  /** `postgres://user@host:5432/database` */
  readonly databaseUrl: string;
  /** `amqp://user:password@host` */
  readonly amqpUrl: string;
}

/** Creates the audit service. */
export async function createAudit(plan: AuditPlan, { process, tellHop }: ServicePorts): Promise<Service> {
  const registry = createRegistry();
  const life = createLifecycle({ name: 'audit', ...stopping, ...(process && { process }) });
  const database = openDatabase({ url: plan.databaseUrl, name: 'audit', maxConnections: 8 });
  const messages = new AuditMessages(plan.amqpUrl, {
    onLost: (why) => life.stop(why),
    handle: (context, order) =>
      asHop({ layer: 'audit', orderRef: order.ref, tell: tellHop }, context, () =>
        writeAudit(database.sql, context, order),
      ),
  });

  const checks = { database: { check: database.check } };
  const counting = { sqlPools: { log: database.sql }, consumers: { records: messages } };
  const probes = createProbes({ life, registry, checks, counting });
  for (const component of probes.components) life.add(component);
  life.add(database.component).add(messages);
  return {
    name: 'audit',
    life,
    port: () => 0,
    probesPort: probes.port,
    read: () => ({ ...nothing, open: messages.runningCount, checkedOut: database.sql.counts().checkedOut }),
  };
}
