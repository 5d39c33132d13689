/**
 * A shop: a service with a method of every kind, and servers and clients of it over real sockets.
 *
 * @module
 */

import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type Client,
  type ClientOptions,
  credentials,
  makeClientConstructor,
  type MethodDefinition,
  type requestCallback,
  Server,
  ServerCredentials,
  type ServerInterceptor,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

import { createGrpcServing, type GrpcServing, type GrpcServingOptions } from '@holdfast/grpc';

/** What everything of the shop sends. */
export interface Note {
  readonly text: string;
  readonly count?: number;
}

/** A client as generators write them. */
export interface ShopClient extends Client {
  get(request: Note, callback: requestCallback<Note>): ClientUnaryCall;
  list(request: Note): ClientReadableStream<Note>;
  upload(callback: requestCallback<Note>): ClientWritableStream<Note>;
  chat(): ClientDuplexStream<Note, Note>;
}

const serialize = (value: Note): Buffer => Buffer.from(JSON.stringify(value));
const deserialize = (bytes: Buffer): Note => JSON.parse(bytes.toString()) as Note;

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Note, Note> {
  const codec = { requestSerialize: serialize, requestDeserialize: deserialize, responseSerialize: serialize, responseDeserialize: deserialize }; // prettier-ignore
  return { path: `/shop.Shop/${name}`, requestStream, responseStream, originalName: name, ...codec };
}

/** The service's definition. */
export const shopService = {
  get: method('get', false, false),
  list: method('list', false, true),
  upload: method('upload', true, false),
  chat: method('chat', true, true),
};

/** Opens a client of a server, which the caller closes. */
export function openClient(target: string | number, options: ClientOptions = {}): ShopClient {
  const ShopConstructor = makeClientConstructor(shopService, 'shop.Shop');
  const address = typeof target === 'number' ? `127.0.0.1:${target}` : target;
  // a free port may be that of a server of the test before, whose failed connection clients would share
  const own = { 'grpc.use_local_subchannel_pool': 1, ...options };
  return new ShopConstructor(address, credentials.createInsecure(), own) as unknown as ShopClient;
}

/** A running server of the shop. */
export interface ShopServer {
  readonly server: Server;
  readonly serving: GrpcServing;
  readonly port: number;
  stop(): void;
}

/** Starts a server at a free port, or at `port`. */
export async function startShop(
  makeHandlers: (serving: GrpcServing) => UntypedServiceImplementation,
  options: GrpcServingOptions = {},
  { port = 0, interceptors = [] }: { port?: number; interceptors?: readonly ServerInterceptor[] } = {},
): Promise<ShopServer> {
  const serving = createGrpcServing(options);
  const server = new Server({ interceptors: [serving.interceptor, ...interceptors] });
  server.addService(shopService, makeHandlers(serving));
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  return { server, serving, port: bound, stop: () => server.forceShutdown() };
}

/** Waits until `isSo`, at most thirty seconds. */
export async function until(isSo: () => boolean, what: string = isSo.toString()): Promise<void> {
  const since = Date.now();
  while (!isSo()) {
    if (Date.now() - since > 30_000) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Takes all of an iterable. */
export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const each of source) taken.push(each);
  return taken;
}
