/**
 * Platform: what a platform gives: a database, a queue, an address for each service, and a process behind each that can be
 * deployed anew, stopped and killed.
 *
 *   client ─► gateway address ─► gateway ─► orders address ─► orders ─► inventory address ─► inventory ─► PostgreSQL
 *                                                                └────► RabbitMQ ─► audit ─────────────────────┘
 *
 * @module
 */

import { type PostgresServer, startPostgresServer } from '../../../../test/postgres-lab/postgres-server.ts';
import { type RabbitmqServer, startRabbitmqServer } from '../../../../test/rabbitmq-lab/rabbitmq-server.ts';
import { auditTables } from '../audit/audit-log.ts';
import type { AuditPlan } from '../audit/audit.ts';
import type { TellHop } from '../contract/hop.ts';
import type { GatewayPlan } from '../gateway/gateway.ts';
import type { InventoryPlan } from '../inventory/inventory.ts';
import { stockTables } from '../inventory/stock.ts';
import type { OrdersPlan } from '../orders/orders.ts';
import { type ServiceAddress, openAddress } from './service-address.ts';
import { type ServiceBuild, type ServiceName, buildServices, serviceNames } from './service-build.ts';
import { type ServiceEnding, type ServiceProcess, startService } from './service-process.ts';
import { goods } from './goods.ts';

/** A platform with everything on it. */
export interface Platform {
  readonly postgres: PostgresServer;
  readonly rabbitmq: RabbitmqServer;
  /** Where clients come in: `http://127.0.0.1:40123`. */
  readonly url: string;
  /** The process that serves; undefined after it was killed. */
  service(name: ServiceName): ServiceProcess | undefined;
  /** Starts a process of a service and has its address lead there. */
  start(name: ServiceName): Promise<void>;
  /** Replaces the process of a service: starts another, has the address lead there, and stops the one before. */
  deploy(name: ServiceName): Promise<ServiceEnding>;
  /** Kills the process of a service with SIGKILL; its address refuses connections. */
  kill(name: ServiceName): Promise<void>;
  close(): Promise<void>;
}

/** Who is told of what happens on it. */
export interface PlatformListener {
  readonly hop: TellHop;
  /** A process has ended without having been asked to; `output` is the last that it printed. */
  readonly died: (name: ServiceName, output: string) => void;
  /** What is just being done, in a few words: starting servers takes seconds. */
  readonly progress: (text: string) => void;
}

/** Opens a platform, and starts everything. What was started is ended where the rest does not start. */
export async function openPlatform(listener: PlatformListener): Promise<Platform> {
  const opened: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (let end = opened.pop(); end !== undefined; end = opened.pop()) await end();
  };
  try {
    const parts = await openParts(listener, opened);
    const platform = new LocalPlatform(parts, listener, close);
    opened.push(() => platform.killAll());
    listener.progress('starting the services');
    for (const name of ['inventory', 'audit', 'orders', 'gateway'] as const) await platform.start(name);
    return platform;
  } catch (error) {
    await close();
    throw error;
  }
}

// --- internal ---

interface Parts {
  readonly postgres: PostgresServer;
  readonly rabbitmq: RabbitmqServer;
  readonly build: ServiceBuild;
  readonly addresses: Readonly<Record<ServiceName, ServiceAddress>>;
}

async function openParts({ progress }: PlatformListener, opened: (() => unknown)[]): Promise<Parts> {
  progress('starting PostgreSQL');
  const postgres = await startPostgresServer();
  opened.push(() => postgres.stop());
  await postgres.query(stockTables + auditTables);
  for (const { sku, available, findSeconds } of goods)
    await postgres.query('insert into stock values ($1, $2, $3)', [sku, available, findSeconds]);
  progress('starting RabbitMQ');
  const rabbitmq = await startRabbitmqServer();
  opened.push(() => rabbitmq.stop());
  const build = await buildServices();
  opened.push(() => build.remove());
  const addresses = {} as Record<ServiceName, ServiceAddress>;
  for (const name of serviceNames) {
    const address = await openAddress();
    addresses[name] = address;
    opened.push(() => address.close());
  }
  return { postgres, rabbitmq, build, addresses };
}

class LocalPlatform implements Platform {
  readonly postgres: PostgresServer;
  readonly rabbitmq: RabbitmqServer;
  readonly url: string;
  readonly close: () => Promise<void>;
  readonly #parts: Parts;
  readonly #listener: PlatformListener;
  readonly #services = new Map<ServiceName, ServiceProcess>();

  constructor(parts: Parts, listener: PlatformListener, close: () => Promise<void>) {
    this.postgres = parts.postgres;
    this.rabbitmq = parts.rabbitmq;
    this.url = `http://${parts.addresses.gateway.address}`;
    this.close = close;
    this.#parts = parts;
    this.#listener = listener;
  }

  service(name: ServiceName): ServiceProcess | undefined {
    return this.#services.get(name);
  }

  async start(name: ServiceName): Promise<void> {
    const { build, addresses } = this.#parts;
    const program = { name, file: build.fileOf(name), plan: this.#planOf(name) };
    const service = await startService(program, this.#listener.hop);
    void service.died.then((output) => this.#listener.died(name, output));
    this.#services.set(name, service);
    addresses[name].route(service.port);
  }

  async deploy(name: ServiceName): Promise<ServiceEnding> {
    const before = this.#services.get(name);
    if (before === undefined) throw new Error(`${name} is not there`);
    await this.start(name);
    return before.stop();
  }

  async kill(name: ServiceName): Promise<void> {
    this.#parts.addresses[name].route(undefined);
    await this.#services.get(name)?.kill();
    this.#services.delete(name);
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#services.values()].map((service) => service.kill()));
  }

  // --- internal ---

  #planOf(name: ServiceName): GatewayPlan | OrdersPlan | InventoryPlan | AuditPlan {
    const { postgres, rabbitmq, addresses } = this.#parts;
    const { user, host, port, database } = postgres.address;
    const databaseUrl = `postgres://${user}@${host}:${port}/${database}`;
    switch (name) {
      case 'gateway':
        return { ordersUrl: `http://${addresses.orders.address}` };
      case 'orders':
        return { inventory: addresses.inventory.address, amqpUrl: rabbitmq.url };
      case 'inventory':
        return { databaseUrl };
      case 'audit':
        return { databaseUrl, amqpUrl: rabbitmq.url };
      default:
        return name satisfies never;
    }
  }
}
