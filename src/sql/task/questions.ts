import { type Kysely, sql } from 'kysely';
import type { NewQuestion, Question, QuestionKey } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** Questions of one task that are kept. A server that asks more without an answer is not heard. */
const MOST_QUESTIONS = 100;

export async function keepQuestion(db: Kysely<Tables>, question: NewQuestion): Promise<boolean> {
  const { task, session, requestId, kept } = question;
  const added = await sql`
    insert into holdfast.questions (task_id, session, request_id, kept)
    select t.id, ${session}::text, ${requestId}::text, ${kept}::bytea from holdfast.tasks t
    where t.id = ${task} and t.phase = 'held'
      and (select count(*) from holdfast.questions q where q.task_id = t.id) < ${MOST_QUESTIONS}
    returning 1`.execute(db);
  return added.rows.length > 0;
}

export async function questionsAfter(db: Kysely<Tables>, task: string, after: number): Promise<Question[]> {
  const found = await sql<{ n: string; kept: Uint8Array }>`
    select q.n, q.kept from holdfast.questions q join holdfast.tasks t on t.id = q.task_id
    where q.task_id = ${task} and q.n > ${after} and t.phase = 'held' order by q.n`.execute(db);
  return found.rows.map(({ n, kept }) => ({ n: Number(n), kept }));
}

/**
 * A server's request ids are unique within its session only, and a server without sessions counts anew for each of its
 * agents. So grant, server and session are compared too.
 */
export async function dropQuestion(
  db: Kysely<Tables>,
  { grant, server, session, requestId }: QuestionKey,
): Promise<void> {
  await sql`
    delete from holdfast.questions q using holdfast.tasks t
    where q.request_id = ${requestId} and q.session is not distinct from ${session}::text and t.id = q.task_id
      and t.grant_name = ${grant} and t.server = ${server}`.execute(db);
}
