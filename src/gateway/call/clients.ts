import type { Gateway } from '../gateway.ts';

/** Longest client name that is kept, in UTF-16 units. */
const LONGEST_NAME = 200;

/**
 * Records the name that a session's client gave itself, and whether it answers forms. NUL is removed, because SQL text cannot
 * hold it.
 */
export async function noteClientName(
  { tasks }: Pick<Gateway, 'tasks'>,
  session: string,
  server: string,
  name: string | null,
  forms: boolean,
): Promise<void> {
  await tasks.nameClient(session, server, name?.slice(0, LONGEST_NAME).replaceAll('\0', '') ?? null, forms);
}

/** Whether the session's client answers forms; false where there is no session. */
export async function sessionAnswersForms(
  { tasks }: Pick<Gateway, 'tasks'>,
  session: string | null,
  server: string,
): Promise<boolean> {
  return session !== null && (await tasks.answersForms(session, server));
}

/** The name that the session's client gave itself; null: it gave none, or there is no session. */
export async function sessionClient(
  { tasks }: Pick<Gateway, 'tasks'>,
  session: string | null,
  server: string,
): Promise<string | null> {
  return session === null ? null : tasks.clientOf(session, server);
}
