import { describe, expect, it } from 'vitest';

import { limitStatements } from './limited-query.ts';

/** Stands for node-postgres' class of queries: it notes what it hears. */
class Query {
  readonly name: string | undefined;
  readonly text: string;
  readonly callback: unknown;
  readonly heard: unknown[] = [];
  isParsed = false;

  constructor(statement: { text: string; name?: string }, _values: undefined, callback: unknown) {
    this.text = statement.text;
    this.name = statement.name;
    this.callback = callback;
  }

  hasBeenParsed(): boolean {
    return this.isParsed;
  }

  prepare(connection: ReturnType<typeof wire>): void {
    connection.parse({ text: this.text });
  }

  handleDataRow(message: unknown): void {
    this.heard.push(message);
  }

  handleCommandComplete(message: unknown): void {
    this.heard.push(message);
  }
}

function wire() {
  const sent: string[] = [];
  return {
    sent,
    parse: ({ text }: { text: string }) => sent.push(text),
    bind: () => sent.push('bind'),
    execute: () => sent.push('execute'),
  };
}

const answer = (): void => {};
const limit = limitStatements({ Client: { Query } });

describe('limitStatements', () => {
  it('limited-query (1): sends the limit before the statement, and keeps its answer from the caller', () => {
    const connection = wire();
    const query = limit?.({ text: 'select $1', values: [1] }, 800, answer) as unknown as Query;

    query.prepare(connection);
    for (const message of ['limit row', 'row']) query.handleDataRow(message);
    expect(query.heard).toEqual([]);
    query.handleCommandComplete('limit done');
    for (const message of ['row 1', 'row 2']) query.handleDataRow(message);
    query.handleCommandComplete('done');

    expect(connection.sent).toEqual([expect.stringContaining("'900'"), 'bind', 'execute', 'select $1']);
    expect([query.heard, query.callback]).toEqual([['row 1', 'row 2', 'done'], answer]);
  });

  it.each([
    ['without values', { text: 'select 1; select 2' }, 800],
    ['with an empty list of values', { text: 'select 1', values: [] }, 800],
    ['that calls a procedure', { text: ' /* x */ call work($1)', values: [1] }, 800],
    ['without a deadline', { text: 'select $1', values: [1] }, Infinity],
  ])('limited-query (2): leaves a statement as it is: %s', (_which, statement, remainingMs) => {
    expect(limit?.(statement, remainingMs, answer)).toBeUndefined();
  });

  it('limited-query (2): leaves a statement as it is while it is prepared, and not when it has been', () => {
    const [first, later] = [wire(), wire()];
    const make = (): Query => limit?.({ text: 'select $1', values: [1], name: 'one' }, 800, answer) as unknown as Query;

    const query = make();
    query.prepare(first);
    query.handleDataRow('row');
    const again = make();
    again.isParsed = true;
    again.prepare(later);

    expect([first.sent, query.heard]).toEqual([['select $1'], ['row']]);
    expect(later.sent).toHaveLength(4);
  });

  it('makes nothing for a pool of another kind', () => {
    expect(limitStatements({ Client: () => {} })).toBeUndefined();
    expect(limitStatements({})).toBeUndefined();
  });
});
