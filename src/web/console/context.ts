import type { Proof } from '../../domain/log/evidence.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AskServer } from '../../gateway/tools/ask-for-tools.ts';
import type { Logins, Records, Revocations } from '../../ports.ts';
import type { ActiveLogin, LoginSessions } from '../http/login-sessions.ts';
import type { ConfigView } from '../pages/config-view.ts';

/** A static file of the console: style, script or icon. */
export interface ConsoleAsset {
  /** The content type. */
  readonly type: string;
  readonly body: string;
  /** With its quotes, as in the header. */
  readonly etag: string;
}

export interface ConsoleDeps {
  readonly gateway: Gateway;
  readonly records: Records;
  /** Checks hashes and signatures. */
  readonly proof: Proof;
  readonly revocations: Revocations;
  readonly loginSessions: LoginSessions;
  /** Absent: nobody signs in by a provider here. */
  readonly logins?: Pick<Logins, 'end'>;
  readonly config: ConfigView;
  /** Absent: servers cannot be asked for their tools from the console. */
  readonly askServer?: AskServer;
  /** By name, served as `/console/{name}`. */
  readonly assets: ReadonlyMap<string, ConsoleAsset>;
}

/** What handlers find in their context: who is signed in. */
export type ConsoleEnv = { Variables: { login: ActiveLogin } };
