/**
 * pg client: the little of node-postgres that is used here, so that any pool of its kind fits.
 *
 * @module
 */

/** A pool of node-postgres (`pg.Pool`) that the application hands in, and goes on to own. It is used, never ended or changed. */
export interface PgPool {
  readonly options: object;
  /** Checks a client out. */
  connect(): Promise<PgPoolClient>;
}

/** A client of that pool, as `connect()` gives it. */
export interface PgPoolClient {
  /** node-postgres' own method, which has many forms. */
  query(...args: never[]): unknown;
  /** Gives the client back, or destroys it. */
  release(destroy?: Error | boolean): void;
}

/** One statement, as node-postgres takes it. */
export interface SqlStatement {
  readonly text: string;
  /** Values of `$1`, `$2`, ...; with none, `text` may hold several statements. */
  readonly values?: readonly unknown[];
  /** Prepares the statement under this name, once per connection. */
  readonly name?: string;
  /** `array` gives rows as arrays. */
  readonly rowMode?: 'array';
  /** Parsers of column values, as node-postgres takes them. */
  readonly types?: object;
}

/** What a statement came to, as node-postgres gives it. */
export interface SqlResult<Row = Readonly<Record<string, unknown>>> {
  readonly rows: Row[];
  /** Rows that were read or changed; null for statements that do neither. */
  readonly rowCount: number | null;
  /** `SELECT`, `INSERT`, `COMMIT`, ... */
  readonly command: string;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** What reports the end of a statement: once. */
export type SqlCallback = (error: unknown, result?: SqlResult<never>) => void;

/** A checked-out client, with what only this package uses of it. */
export interface CheckedOutClient {
  /** The process of the server behind the connection, and the secret by which it may be cancelled. */
  readonly processID?: number | null | undefined;
  readonly secretKey?: number | null | undefined;
  readonly connection?: {
    readonly stream?: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };
  };
  /** `I` idle, `T` in a transaction, `E` in one that has failed; not in every version. */
  getTransactionStatus?(): string | null;
  query(statement: object, callback?: SqlCallback): unknown;
  release(destroy?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** A client that is not connected: it knows where the server is, and has the connection that would go there. */
export interface IdleClient {
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly sslNegotiation?: string;
  readonly connection: {
    readonly stream: { destroy(): void };
    connect(portOrPath: number | string, host?: string): void;
    requestSsl(): void;
    cancel(processId: number, secret: number): void;
    on(event: 'connect' | 'sslconnect' | 'end' | 'error', listener: () => void): unknown;
  };
}
