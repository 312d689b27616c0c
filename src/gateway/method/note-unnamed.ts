import { Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { MethodCaller } from './govern-methods.ts';

/** What an agent does at a server without a method: it opens or resumes a stream, ends a session, answers a question. */
export type Unnamed = 'answer' | 'DELETE' | 'GET' | 'GET, resumed';

/**
 * Logs it before it is relayed. Throws `Unavailable('audit')` while the log cannot be written: then it is not relayed,
 * but for the end of a session, which makes the server do less.
 */
export async function noteUnnamed(
  { journal, methodLog }: Pick<Gateway, 'journal' | 'methodLog'>,
  { principal, server, session }: MethodCaller,
  what: Unnamed,
): Promise<void> {
  if (what !== 'DELETE' && !journal.writable && !(await journal.recovered()))
    throw new Unavailable('audit', 'the log cannot be written');
  const data = { kind: what === 'answer' ? 'answer' : 'stream', session };
  const { grant } = principal;
  methodLog.note({
    type: 'method.relayed',
    grant,
    server,
    method: what,
    countedAs: what,
    denied: null,
    noise: false,
    names: () => [],
    data,
  });
}
