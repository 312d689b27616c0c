import { type AskedQuestion, type GivenAnswer, LONGEST_GIVEN } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';
import { redacting } from '../../domain/call/redact-call.ts';
import { sentOf } from '../../domain/call/sent.ts';
import { canonical } from '../../domain/json/canonical.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { redactionOf } from '../../domain/policy/rule.ts';
import { cut } from '../../text/cut.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { Gateway } from '../gateway.ts';
import { enclosedData } from '../log/enclose.ts';

/** What is recorded of an agent's answer: with its call, and in the log. */
export interface AnswerRecord {
  readonly given: GivenAnswer;
  /** What the event says of all of it: redacted, and as ciphertext where it can be erased. */
  readonly told: JsonObject;
}

/** What the call answers. `kind`: how the server asked. */
export function answerIn({ params }: Pick<Call, 'params'>, kind: AskedQuestion['kind']): JsonObject {
  const names = kind === 'request' ? ['answer'] : ['inputResponses', 'requestState'];
  const parts = names.map((name) => [name, member(params, name)] as const);
  return Object.fromEntries(parts.filter(([, value]) => value !== undefined)) as JsonObject;
}

/**
 * Describes the answer in this call: redacted by name and by the policy's paths, with a keyed digest of all of it. Lets
 * others have turns meanwhile.
 */
export async function recordOfAnswer(
  gateway: Pick<Gateway, 'erasures' | 'rules' | 'vault'>,
  call: Call,
  about: {
    readonly kind: AskedQuestion['kind'];
    /** The approval of the call whose server asked. */
    readonly parent: string;
    readonly leg: string | null;
    readonly at: Date;
  },
): Promise<AnswerRecord> {
  const { rules, vault } = gateway;
  const { kind, leg, at, parent } = about;
  const answer = answerIn(call, kind);
  const policy = rules.policy(call.server);
  const redaction = policy === null ? { byName: true, paths: [] } : redactionOf(policy, call.tool);
  const { params, headers } = call;
  const whole = { args: call.args, sent: { params: answer, meta: {}, headers: {} }, beside: sentOf(params, headers) };
  const shown = (await inTurns(redacting(whole, redaction))).shown.sent.params;
  // The state is the server's own; people want to read what the agent said.
  const text = cut(JSON.stringify(shown.answer ?? shown.inputResponses ?? shown).toWellFormed(), LONGEST_GIVEN);
  const digest = vault.digest('outcome', canonical(answer));
  const told = await enclosedData(gateway, parent, { type: 'answer.given', data: { answers: shown } });
  return { given: { at: at.toISOString(), leg, digest, text }, told };
}

/** What the agent answered, as an event of the call whose server asked. */
export function answerEvent(
  parent: Pick<Approval, 'id' | 'server' | 'tool' | 'grant'>,
  { given, told }: AnswerRecord,
): NewEvent {
  const { at, digest, leg } = given;
  const data = { digest, ...told, ...(leg === null ? {} : { leg }) };
  return approvalEvent(parent, { type: 'answer.given', at: new Date(at), actor: `grant:${parent.grant}`, data });
}
