import type { Seals, TaskStore } from '../ports.ts';
import { collectedBy } from './approval/joiners.ts';
import { clientOf, nameClient } from './approval/sessions.ts';
import type { SqlConnection } from './connection/connection.ts';
import { guarded } from './connection/guard.ts';
import {
  answerRequest,
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
export function sqlTasks({ db }: Pick<SqlConnection, 'db'>, seals: Seals): TaskStore {
  return guarded<TaskStore>({
    openTask: (task) => insertTask(db, task),
    findTask: (id, grant, server, now) => readTask(db, id, grant, server, now),
    listTasks: (grant, server, now, limit) => legacyTasks(db, grant, server, now, limit),
    fetchedTask: (id, at) => markFetched(db, id, at),
    lostTask: (call, now) => unfetchedTask(db, call, now),
    taskBytes: (id, part) => taskBytes(db, id, part),
    changeTask: (change) => changeTask(db, change),
    dueTasks: (running, approval) => dueTasks(db, running, approval),
    forgetTasks: (now) => forgetTasks(db, now),
    nextRound: (joiner) => nextRound(db, joiner),
    reseat: (reseating) => reseat(db, seals, reseating),
    collectedBy: (joiner, since) => collectedBy(db, seals, joiner, since),
    rememberContinuation: (continuation) => rememberContinuation(db, continuation),
    takeContinuation: (returned, given, events) => spendContinuation(db, seals, returned, given, events),
    findContinuation: (returned) => findContinuation(db, seals, returned),
    keepRequest: (asked) => keepRequest(db, asked),
    findRequest: (place, key) => findRequest(db, place, key),
    hasRequest: (place, keys) => hasRequest(db, place, keys),
    runningIn: (place, strict) => runningIn(db, place, strict),
    whoseAnswers: (place, keys) => whoseAnswers(db, place, keys),
    notePlainRequests: (asked) => insertPlainRequests(db, asked),
    forgetPlainRequest: (place, key) => forgetPlainRequest(db, place, key),
    issueState: (state) => issueState(db, state),
    noteIssuedState: (state) => noteIssuedState(db, state),
    isStateClaimed: (state) => stateIsClaimed(db, state),
    answerRequest: (asked, given, events) => answerRequest(db, seals, asked, given, events),
    reopenRequest: (n) => reopenRequest(db, n),
    followTask: (task, replica, until) => followTask(db, task, replica, until),
    followedAt: (servers, limit) => followedAt(db, servers, limit),
    findFollowed: (approval) => findFollowed(db, approval),
    claimFollowed: (replica, now, until, limit) => claimFollowed(db, replica, now, until, limit),
    keepFollowed: (approval, replica, until) => keepFollowed(db, approval, replica, until),
    endFollowed: (approval) => endFollowed(db, approval),
    keepQuestion: (question) => keepQuestion(db, question),
    questions: (task, after) => questionsAfter(db, task, after),
    answered: (question) => dropQuestion(db, question),
    nameClient: (session, server, client) => nameClient(db, session, server, client),
    clientOf: (session, server) => clientOf(db, session, server),
  });
}
