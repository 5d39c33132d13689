/** Clients that are made from a .proto file, with the types that proto-loader generates, and without. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  type Metadata,
  type requestCallback,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Context } from '@holdfast/core';
import { createGrpcClient, createGrpcServing } from '@holdfast/grpc';
import { afterEach, beforeEach, expect, expectTypeOf, it } from 'vitest';

import { all } from './shop.ts';

const proto = `
  syntax = "proto3";
  package books;
  message Book { string title = 1; int32 pages = 2; }
  message Shelf { repeated Book books = 1; }
  service Library {
    rpc FindBook (Book) returns (Shelf);
    rpc ListBooks (Shelf) returns (stream Book);
    rpc PutBooks (stream Book) returns (Shelf);
    rpc Trade (stream Book) returns (stream Shelf);
  }`;

interface Book { title?: string; pages?: number } // prettier-ignore
interface Shelf { books?: Book[] } // prettier-ignore

/** As proto-loader-gen-types writes it, shortened to the overloads that matter. */
interface LibraryClient extends Client {
  FindBook(argument: Book, metadata: Metadata, options: CallOptions, callback: requestCallback<Shelf>): ClientUnaryCall;
  FindBook(argument: Book, metadata: Metadata, callback: requestCallback<Shelf>): ClientUnaryCall;
  FindBook(argument: Book, options: CallOptions, callback: requestCallback<Shelf>): ClientUnaryCall;
  FindBook(argument: Book, callback: requestCallback<Shelf>): ClientUnaryCall;
  findBook(argument: Book, callback: requestCallback<Shelf>): ClientUnaryCall;
  ListBooks(argument: Shelf, metadata: Metadata, options?: CallOptions): ClientReadableStream<Book>;
  ListBooks(argument: Shelf, options?: CallOptions): ClientReadableStream<Book>;
  PutBooks(metadata: Metadata, options: CallOptions, callback: requestCallback<Shelf>): ClientWritableStream<Book>;
  PutBooks(callback: requestCallback<Shelf>): ClientWritableStream<Book>;
  Trade(metadata: Metadata, options?: CallOptions): ClientDuplexStream<Book, Shelf>;
  Trade(options?: CallOptions): ClientDuplexStream<Book, Shelf>;
}

/** As grpc-tools writes it: the longest overload comes last. */
interface ToolsClient extends Client {
  find(request: Book, callback: (error: Error | null, response: Shelf) => void): ClientUnaryCall;
  find(request: Book, metadata: Metadata, options: Partial<CallOptions>, callback: (error: Error | null, response: Shelf) => void): ClientUnaryCall; // prettier-ignore
}

let folder: string;
let server: Server;
let port: number;
let Library: ServiceClientConstructor;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-proto-'));
  writeFileSync(join(folder, 'books.proto'), proto);
  const loaded = loadPackageDefinition(loadSync(join(folder, 'books.proto'))) as never as {
    books: { Library: ServiceClientConstructor };
  };
  ({ Library } = loaded.books);
  const serving = createGrpcServing();
  server = new Server({ interceptors: [serving.interceptor] });
  server.addService(Library.service, {
    FindBook: serving.handleUnary<Book, Shelf>((_context, book) => ({ books: [book] })),
    ListBooks: serving.handleServerStream<Shelf, Book>((_context, shelf) => shelf.books ?? []),
    PutBooks: serving.handleClientStream<Book, Shelf>(async (_context, books) => ({ books: await all(books) })),
    Trade: serving.handleBidi<Book, Shelf>(async function* (_context, books) {
      for await (const book of books) yield { books: [book] };
    }),
  });
  const component = serving.component(server, {
    address: '127.0.0.1:0',
    credentials: ServerCredentials.createInsecure(),
  });
  await component.start();
  ({ port } = component);
});
afterEach(() => {
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});

it('have typed functions, by both of their names', async () => {
  const client = new Library(`127.0.0.1:${port}`, credentials.createInsecure()) as never as LibraryClient;
  const library = createGrpcClient(client);
  const context = Context.background.withTimeout(10_000);
  const book = { title: 'Moby-Dick', pages: 635 };

  const found = await library.FindBook(context, book);
  expectTypeOf(found).toEqualTypeOf<Shelf>();
  expect(found.books).toMatchObject([book]);
  expect((await library.findBook(context, book)).books).toMatchObject([book]);
  const listed = await all(library.ListBooks(context, { books: [book, book] }));
  expectTypeOf(listed).toEqualTypeOf<Book[]>();
  expect(listed).toHaveLength(2);
  const shelf = await library.PutBooks(context, [book]);
  expectTypeOf(shelf).toEqualTypeOf<Shelf>();
  expect(shelf.books).toHaveLength(1);
  const traded = await all(library.Trade(context, [book]));
  expectTypeOf(traded).toEqualTypeOf<Shelf[]>();
  expect(traded).toMatchObject([{ books: [book] }]);
  client.close();
});

it('without types have untyped functions', async () => {
  const client = new Library(`127.0.0.1:${port}`, credentials.createInsecure());
  const library = createGrpcClient(client);

  expect(await library['FindBook']?.(Context.background, { title: 'x' })).toMatchObject({ books: [{ title: 'x' }] });
  client.close();
});

it('of other generators are typed as well', () => {
  expectTypeOf<ReturnType<typeof createGrpcClient<ToolsClient>>['find']>().returns.resolves.toEqualTypeOf<Shelf>();
  expectTypeOf<ReturnType<typeof createGrpcClient<ToolsClient>>['find']>().parameter(1).toEqualTypeOf<Book>();
  expectTypeOf<keyof ReturnType<typeof createGrpcClient<ToolsClient>>>().toEqualTypeOf<'find'>();
});
