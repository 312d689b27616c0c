import type { Gateway } from '../gateway.ts';

/** Longest name of a client that is kept, in UTF-16 units. */
const LONGEST_NAME = 200;

/** Notes which client a session is of, as it called itself; SQL text holds no NUL. */
export async function nameClient(
  { tasks }: Pick<Gateway, 'tasks'>,
  session: string,
  server: string,
  name: string,
): Promise<void> {
  await tasks.nameClient(session, server, name.slice(0, LONGEST_NAME).replaceAll('\0', ''));
}

/** As the session's client called itself; null: it has not, or there is no session. */
export async function clientOf(
  { tasks }: Pick<Gateway, 'tasks'>,
  session: string | null,
  server: string,
): Promise<string | null> {
  return session === null ? null : tasks.clientOf(session, server);
}
