import type { Proof } from '../../domain/log/evidence.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AskServer } from '../../gateway/tools/ask-for-tools.ts';
import type { Records, Revocations } from '../../ports.ts';
import type { ConsoleVisit, LoginSessions } from '../http/login-sessions.ts';
import type { Book } from '../pages/book.ts';

/** A file of the console's own: style, script, icon. */
export interface Asset {
  readonly type: string;
  readonly body: string;
  /** Quoted, as the header wants it. */
  readonly etag: string;
}

export interface ConsoleDeps {
  readonly gateway: Gateway;
  readonly records: Records;
  /** Checks hashes and signatures. */
  readonly proof: Proof;
  readonly revocations: Revocations;
  readonly reception: LoginSessions;
  readonly book: Book;
  /** Absent: nobody can ask servers from here. */
  readonly askServer?: AskServer;
  /** By name, as `/console/{name}` serves them. */
  readonly assets: ReadonlyMap<string, Asset>;
}

/** What a page's handler is told of who asks. */
export type ConsoleEnv = { Variables: { visit: ConsoleVisit } };
