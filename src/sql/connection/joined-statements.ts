import { type RawBuilder, sql } from 'kysely';
import pg from 'pg';
import { KEPT_PLAN } from './kept-plan.ts';

const EARLY = '/* with the next */';
const LAST = '/* then commit */';

/**
 * Begins a statement of a transaction whose answer nobody reads: it goes in one message with the statement after it. Its
 * parameters are texts.
 */
export const WITH_THE_NEXT: RawBuilder<unknown> = sql.raw(EARLY);

/**
 * Begins the last statement of a transaction, after whose answer nothing is rolled back: the commit goes in one message
 * with it. Its plan is kept.
 */
export const THEN_COMMIT: RawBuilder<unknown> = sql`${KEPT_PLAN} ${sql.raw(LAST)}`;

interface Statement {
  readonly text: string;
  readonly values: unknown[];
  readonly name?: string | undefined;
}

type Answer = { readonly rows: unknown[]; readonly rowCount: number | null; readonly command: string };
type Send = (...args: unknown[]) => unknown;

const NOTHING: Answer = { rows: [], rowCount: 0, command: '' };

/**
 * Makes one connection send what belongs together in one message: `begin` with the statement after it, and what is marked
 * as above. One message is one write here, and one look at the socket there. It ends in one `Sync`: after an error the
 * server skips what is left of it, so nothing runs without the `begin` before it, and no `commit` after a statement that
 * failed.
 *
 * | sent in one message | fails | then |
 * |---|---|---|
 * | `begin`, a statement | `begin` | the statement was not run; the transaction is rolled back, which changes nothing |
 * | a statement, `commit` | the statement | `commit` was not run; the transaction is rolled back |
 * | the same | `commit`, or the connection | as with any commit: the caller does not know, and asks |
 */
export function joinStatements(client: pg.PoolClient): void {
  const send = client.query.bind(client) as Send;
  /** What waits for the statement after it. */
  let early: Statement[] = [];
  /** The commit went with the last statement. */
  let committed = false;
  const query = (given: unknown, values?: unknown, ...more: unknown[]): unknown => {
    const statement = statementOf(given, values, more);
    if (statement === null) return send(given, values, ...more);
    const { text } = statement;
    if (text === 'begin') {
      early = [BEGIN];
      committed = false;
      return Promise.resolve(NOTHING);
    }
    if (text.includes(EARLY)) {
      early.push(statement);
      return Promise.resolve(NOTHING);
    }
    const ends = text === 'commit' || text === 'rollback';
    const unsent = ends && early.length > 0 && early.every((one) => one === BEGIN);
    if (ends && (committed || unsent || (text === 'rollback' && early.length > 0))) {
      early = [];
      committed = false;
      return Promise.resolve(NOTHING);
    }
    const before = early;
    early = [];
    const commits = text.includes(LAST);
    if (before.length === 0 && !commits) return send(given, values);
    const sent = sendJoined(send, before, statement, commits);
    if (!commits) return sent;
    return sent.then((answer) => {
      committed = true;
      return answer;
    });
  };
  Object.assign(client, { query });
}

/** null: a form that no transaction of ours takes (with a callback, or another object). */
function statementOf(given: unknown, values: unknown, more: readonly unknown[]): Statement | null {
  if (more.length > 0 || typeof values === 'function') return null;
  if (typeof given === 'string') return { text: given, values: (values ?? []) as unknown[] };
  const config = given as { text?: unknown; values?: unknown[]; name?: string; submit?: unknown };
  if (typeof config.text !== 'string' || typeof config.submit === 'function') return null;
  return { text: config.text, values: config.values ?? [], name: config.name };
}

function sendJoined(send: Send, before: readonly Statement[], main: Statement, commits: boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, answer: Answer): void => (error ? reject(error) : resolve(answer));
    send(new JoinedStatements(before, main, commits ? [COMMIT] : [], done));
  });
}

/** In words that do not depend on a default. */
const BEGIN: Statement = { text: 'begin isolation level read committed', values: [] };
const COMMIT: Statement = { text: 'commit', values: [] };

/** What we use of a connection of `pg`. */
interface Wire {
  parse(query: { text: string; name?: string }): void;
  bind(config: { values: unknown[] }): void;
  execute(config: { portal?: string; rows?: number }): void;
  sync(): void;
}

type Base = new (
  config: object,
  values: null,
  done: (error: Error | null, answer: Answer) => void,
) => {
  prepare(connection: Wire): void;
  requiresPreparation(): boolean;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
};
const Query = (pg as unknown as { Query: Base }).Query;

/** Statements that are answered one after the other, of which one is asked for. */
class JoinedStatements extends Query {
  readonly #before: readonly Statement[];
  readonly #after: readonly Statement[];
  #answered = 0;

  constructor(
    before: readonly Statement[],
    main: Statement,
    after: readonly Statement[],
    done: (error: Error | null, answer: Answer) => void,
  ) {
    super(
      { text: main.text, values: main.values, ...(main.name === undefined ? {} : { name: main.name }) },
      null,
      done,
    );
    this.#before = before;
    this.#after = after;
  }

  override requiresPreparation(): boolean {
    return true;
  }

  override prepare(connection: Wire): void {
    for (const statement of this.#before) run(connection, statement);
    super.prepare(connection);
  }

  /** Called by `prepare` to run the statement and end the message. */
  _getRows(connection: Wire): void {
    connection.execute({ portal: '' });
    for (const statement of this.#after) run(connection, statement);
    connection.sync();
  }

  /** Only the one that is asked for is described, so only its rows can be read. */
  override handleDataRow(message: unknown): void {
    if (this.#answered === this.#before.length) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    const isAsked = this.#answered === this.#before.length;
    this.#answered += 1;
    if (isAsked) super.handleCommandComplete(message, connection);
  }
}

function run(connection: Wire, { text, values }: Statement): void {
  connection.parse({ text });
  connection.bind({ values });
  connection.execute({ portal: '' });
}
