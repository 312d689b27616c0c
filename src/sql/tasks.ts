import type { Seals, TaskStore } from '../ports.ts';
import { collectedBy } from './approval/joiners.ts';
import { clientOf, giveReason, nameClient, sessionForms, takeGivenReason } from './approval/sessions.ts';
import type { SqlConnection } from './connection/connection.ts';
import { guarded } from './connection/guard.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import {
  answerRequest,
  closeRequests,
  findRequest,
  hasRequest,
  keepRequest,
  reopenRequest,
  runningIn,
  whoseAnswers,
} from './task/asked-requests.ts';
import { findContinuation, rememberContinuation, spendContinuation } from './task/continuations.ts';
import {
  claimFollowed,
  endFollowed,
  findFollowed,
  followedAt,
  followTask,
  keepFollowed,
} from './task/followed-tasks.ts';
import { issueState, noteIssuedState, stateIsClaimed } from './task/issued-states.ts';
import { forgetPlainRequest, insertPlainRequests } from './task/plain-requests.ts';
import { dropQuestion, keepQuestion, questionsAfter } from './task/questions.ts';
import { nextRound, reseat } from './task/rounds.ts';
import {
  changeTask,
  dueTasks,
  forgetTasks,
  insertTask,
  legacyTasks,
  markFetched,
  readTask,
  taskBytes,
  unfetchedTask,
} from './task/tasks.ts';

/** The `TaskStore` port: tasks, beside the approvals that they belong to. */
export function sqlTasks(
  { db }: Pick<SqlConnection, 'db'>,
  seals: Seals,
  beliefs: Beliefs = sqlBeliefs(db, seals),
): TaskStore {
  const { tables } = beliefs;
  return guarded<TaskStore>({
    openTask: (task) => insertTask(db, tables, task),
    findTask: (id, grant, server, now) => readTask(db, tables, id, grant, server, now),
    listTasks: (grant, server, now, limit) => legacyTasks(db, tables, grant, server, now, limit),
    fetchedTask: (id, at) => markFetched(db, id, at),
    lostTask: (call, now) => unfetchedTask(db, tables, call, now),
    taskBytes: (id, part) => taskBytes(db, id, part),
    changeTask: (change) => changeTask(db, change),
    dueTasks: (running, approval) => dueTasks(db, tables, running, approval),
    forgetTasks: async (now, over) => {
      await forgetTasks(db, seals, now, over);
      await closeRequests(db, seals, beliefs, over);
    },
    nextRound: (joiner) => nextRound(db, joiner),
    reseat: (reseating) => reseat(db, seals, reseating),
    collectedBy: (joiner, since) => collectedBy(db, seals, joiner, since),
    rememberContinuation: (continuation) => rememberContinuation(db, tables, continuation),
    takeContinuation: (returned, given, events) => spendContinuation(db, seals, beliefs, returned, given, events),
    findContinuation: (returned) => findContinuation(db, seals, tables, returned),
    keepRequest: (asked) => keepRequest(db, seals, asked),
    findRequest: (place, key) => findRequest(db, tables, place, key),
    hasRequest: (place, keys) => hasRequest(db, place, keys),
    runningIn: (place, strict) => runningIn(db, place, strict),
    whoseAnswers: (place, keys) => whoseAnswers(db, seals, beliefs, place, keys),
    notePlainRequests: (asked) => insertPlainRequests(db, tables, asked),
    forgetPlainRequest: (place, key) => forgetPlainRequest(db, place, key),
    issueState: (state) => issueState(db, seals, state),
    noteIssuedState: (state) => noteIssuedState(db, tables, state),
    isStateClaimed: (state) => stateIsClaimed(db, seals, tables, state),
    answerRequest: (asked, given, events) => answerRequest(db, seals, beliefs, asked, given, events),
    reopenRequest: (n) => reopenRequest(db, seals, n),
    followTask: (task, replica, until) => followTask(db, seals, task, replica, until),
    followedAt: (servers, limit) => followedAt(db, servers, limit),
    findFollowed: (approval) => findFollowed(db, tables, approval),
    claimFollowed: (replica, now, until, limit) => claimFollowed(db, tables, replica, now, until, limit),
    keepFollowed: (approval, replica, until) => keepFollowed(db, approval, replica, until),
    endFollowed: (approval) => endFollowed(db, seals, approval),
    keepQuestion: (question) => keepQuestion(db, question),
    questions: (task, after) => questionsAfter(db, task, after),
    answered: (question) => dropQuestion(db, question),
    nameClient: (session, server, client, forms) => nameClient(db, session, server, client, forms),
    answersForms: (session, server) => sessionForms(db, session, server),
    giveReason: (key, reason) => giveReason(db, key, reason),
    takeReason: (key) => takeGivenReason(db, key),
    clientOf: (session, server) => clientOf(db, session, server),
  });
}
