import { randomBytes } from 'node:crypto';
import { type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { Unreasoned } from '../../gateway/call/arrival.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AgentAnswer, ToolCallRequest } from '../door/call-door.ts';
import { rpcError } from '../protocol/response.ts';
import type { HeldAnswer } from './answer.ts';
import { FORM_MS, type FormAnswer, readForm, reasonForm } from './reason-form.ts';

/** Tells our requests from those of servers. */
const PREFIX = 'holdfast.reason.';
/** Longest id that is opened, in characters. */
const LONGEST_ID = 1_024;
/** Forms that wait for an answer at one time, of one grant and of this process. */
const MOST_OF_A_GRANT = 20;
const MOST = 1_000;
/** Milliseconds between two looks for an answer that another replica got. */
const LOOK_MS = 1_000;
/** Longest answer that is kept for another replica, in characters: a reason, its JSON, and what else a client adds. */
const LONGEST_ANSWER = 64 * 1024;

type Place = Pick<AgentAnswer, 'server' | 'session'> & { readonly grant: string };

/** A call, by its session and its JSON-RPC id as JSON text. */
type AskedCall = Place & Pick<AgentAnswer, 'idText'>;

interface WaitingForm {
  readonly call: AskedCall;
  readonly settle: (answer: FormAnswer) => void;
}

const UNANSWERED: FormAnswer = { why: 'the form that asks for it was not answered in time' };
const GONE: FormAnswer = { why: 'its client has gone' };
const STOPPING: FormAnswer = { why: 'the gateway stops' };
const NO_FORM: FormAnswer = { why: 'its client could not show the form that asks for it' };

/**
 * Asks clients of sessions why they call, on the stream of the call (2025-06-18, Elicitation). The answer is a POST of its
 * own, which may reach another replica: that one keeps it, sealed, and whoever asked looks for it.
 *
 * The id of the request is sealed and bound to grant, server and session, so that nobody else can answer, and nothing that is
 * made up is kept. Of two answers the first counts. An answer that comes when nobody waits any more is dropped: the model has
 * been told to repeat the call with its reason.
 */
export class ElicitedReasons {
  readonly #gateway: Pick<Gateway, 'clock' | 'log' | 'tasks' | 'vault'>;
  readonly #waiting = new Map<string, WaitingForm>();
  #stopped = false;

  constructor(gateway: Pick<Gateway, 'clock' | 'log' | 'tasks' | 'vault'>) {
    this.#gateway = gateway;
  }

  /** Whether one more form may wait for this grant. */
  hasRoom(grant: string): boolean {
    if (this.#stopped || this.#waiting.size >= MOST) return false;
    let own = 0;
    for (const form of this.#waiting.values()) if (form.call.grant === grant) own += 1;
    return own < MOST_OF_A_GRANT;
  }

  /** Asks, and waits at most `ms`. Never rejects. */
  async ask(request: ToolCallRequest, unreasoned: Unreasoned, answer: HeldAnswer, ms: number): Promise<FormAnswer> {
    const place = { grant: request.principal.grant, server: request.server, session: request.session };
    const id = this.#newId(place);
    const { promise, resolve } = Promise.withResolvers<FormAnswer>();
    const leave = (): void => resolve(GONE);
    const timer = setTimeout(() => resolve(UNANSWERED), ms);
    const looking = setInterval(() => void this.#look(id, resolve), LOOK_MS);
    answer.readerGone.addEventListener('abort', leave, { once: true });
    this.#waiting.set(id, { call: { ...place, idText: request.idText }, settle: resolve });
    if (answer.readerGone.aborted) leave();
    const message = { jsonrpc: '2.0', id, method: 'elicitation/create', params: reasonForm(unreasoned) };
    answer.message(JSON.stringify(message));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      clearInterval(looking);
      answer.readerGone.removeEventListener('abort', leave);
      this.#waiting.delete(id);
    }
  }

  /** Whether this call waits here for the answer to a form. */
  isAsking(call: AskedCall): boolean {
    return [...this.#waiting.values()].some(({ call: other }) => {
      const isThere = other.grant === call.grant && other.server === call.server && other.session === call.session;
      return isThere && other.idText === call.idText;
    });
  }

  /** The calls of this session that wait here for the answer to a form, by their ids as JSON text. */
  askedIn(server: string, session: string): ReadonlySet<string> {
    const calls = [...this.#waiting.values()].map(({ call }) => call);
    return new Set(
      calls.filter((call) => call.server === server && call.session === session).map(({ idText }) => idText),
    );
  }

  /** Takes a client's answer to a form of ours. Null: it answers something else. */
  async take({ principal, server, session, message, idText }: AgentAnswer): Promise<Response | null> {
    const id = member(message, 'id');
    if (!isFormId(id)) return null;
    const place = { grant: principal.grant, server, session };
    if (!this.#isOpen(place, id)) return rpcError(400, 400, 'Nobody asked this, or too long ago.', idText);
    const result = member(message, 'result') ?? null;
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.settle(formAnswer(result));
    else await this.#keep(id, result);
    return new Response(null, { status: 202 });
  }

  /** Nobody is asked from now on, and whoever waits is told to come again. */
  stop(): void {
    this.#stopped = true;
    for (const { settle } of this.#waiting.values()) settle(STOPPING);
  }

  async #keep(id: string, result: Json): Promise<void> {
    const text = JSON.stringify(result);
    const { vault, tasks } = this.#gateway;
    const kept = text.length > LONGEST_ANSWER ? 'null' : text;
    await tasks.giveReason(this.#key(id), vault.seal('state', rowOfAnswer(id), new TextEncoder().encode(kept)));
  }

  /** Looks whether another replica got the answer. What does not open was put there by somebody else. */
  async #look(id: string, settle: (answer: FormAnswer) => void): Promise<void> {
    try {
      const kept = await this.#gateway.tasks.takeReason(this.#key(id));
      if (kept === null) return;
      const opened = this.#gateway.vault.open('state', rowOfAnswer(id), kept);
      settle(formAnswer(JSON.parse(new TextDecoder().decode(opened)) as Json));
    } catch (error) {
      this.#gateway.log.warn({ err: error }, 'the answer to a form could not be looked for');
    }
  }

  #key(id: string): string {
    return this.#gateway.vault.digest('outcome', id);
  }

  #newId(place: Place): string {
    const until = this.#gateway.clock.now().getTime() + FORM_MS;
    const bytes = new TextEncoder().encode(JSON.stringify([until, randomBytes(9).toString('base64url')]));
    return PREFIX + Buffer.from(this.#gateway.vault.seal('state', rowOfForm(place), bytes)).toString('base64url');
  }

  #isOpen(place: Place, id: string): boolean {
    if (id.length > LONGEST_ID) return false;
    try {
      const sealed = Buffer.from(id.slice(PREFIX.length), 'base64url');
      const [until] = JSON.parse(
        new TextDecoder().decode(this.#gateway.vault.open('state', rowOfForm(place), sealed)),
      ) as [number];
      return until > this.#gateway.clock.now().getTime();
    } catch {
      return false;
    }
  }
}

/** Whether one of a batch's messages looks like an answer to a form: it travels by itself, and never to a server. */
export function answersForm(messages: readonly JsonObject[]): boolean {
  return messages.some((message) => member(message, 'method') === undefined && isFormId(member(message, 'id')));
}

function isFormId(id: Json | undefined): id is string {
  return typeof id === 'string' && id.startsWith(PREFIX);
}

/** Null stands for an error of the client. */
function formAnswer(result: Json): FormAnswer {
  return result === null ? NO_FORM : readForm(result);
}

function rowOfForm({ grant, server, session }: Place): string {
  return JSON.stringify(['reason asked', grant, server, session]);
}

function rowOfAnswer(id: string): string {
  return JSON.stringify(['reason given', id]);
}
