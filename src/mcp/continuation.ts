import { fingerprintMaterial } from '../domain/call.ts';
import { evaluate } from '../domain/evaluate.ts';
import type { NewEvent } from '../domain/event.ts';
import { type JsonObject, member } from '../domain/json.ts';
import type { Outcome } from '../gateway/dispatch.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { ToolCallRequest } from './call-door.ts';
import { HeldJson } from './held-json.ts';
import { callOf, heldRequest } from './held-request.ts';
import { HeldStream } from './held-stream.ts';
import { type HoldDesk, responseOf, takesStream } from './hold-desk.ts';
import { rememberQuestion } from './question.ts';
import { sendHeld } from './send-held.ts';
import { editData } from './sse-text.ts';
import { resultText, unanswered } from './words.ts';

const UTF8 = new TextDecoder();

/**
 * The approval that this call goes on with, spent; null when it brings nothing that was issued under one, or when
 * policy would not ask about it now anyway.
 */
export async function takeContinuation(gateway: Gateway, request: ToolCallRequest): Promise<string | null> {
  const state = member(request.params, 'requestState');
  const brings = typeof state === 'string' || member(request.params, 'inputResponses') !== undefined;
  if (!request.modern || !brings || request.inexact !== null) return null;
  const { setting, rules } = gateway;
  const call = callOf(request, request.params);
  const policy = rules.policy(call.server);
  if (policy === null || evaluate(policy, call).kind !== 'ask') return null;
  const fingerprints = setting.vault.fingerprints(fingerprintMaterial(call));
  const now = setting.clock.now();
  const digest = setting.vault.digest('state', typeof state === 'string' ? state : '');
  const { grant } = call.principal;
  return setting.tasks.takeContinuation({ digest, grant, server: call.server, fingerprints, now }, (approval) =>
    continued(gateway, request, approval, 'call.dispatched', {
      continues: approval,
      fingerprint: fingerprints[0] ?? '',
    }),
  );
}

/** Sends it on, once, and hands the answer over as it comes. */
export function goOn(
  gateway: Gateway,
  desk: HoldDesk,
  request: ToolCallRequest,
  approval: string,
): Response | Promise<Response> {
  const answer = takesStream(request.accept) ? new HeldStream() : new HeldJson(request.signal);
  const beat = { beat: () => answer.comment(`holdfast ${approval} goes on`) };
  desk.keepAlive.add(beat);
  const run = (async (): Promise<void> => {
    try {
      const { headers, bytes, idText, upstream, principal } = heldRequest(request);
      const sent = await sendHeld({
        upstream,
        headers,
        bytes,
        idText,
        grant: principal.grant,
        signal: answer.left,
        meanwhile: (event) => answer.raw(event),
      });
      await ended(gateway, request, approval, sent.outcome);
      if (sent.outcome.kind !== 'returned') {
        const result = resultText(unanswered(sent.outcome.why, sent.outcome.kind === 'unknown'), true);
        return answer.message(`{"jsonrpc":"2.0","id":${idText},"result":${result}}`);
      }
      const edited = sent.event === null ? null : editData(sent.event, (data) => data);
      if (edited === null) answer.message(UTF8.decode(sent.outcome.response));
      else answer.raw(new TextEncoder().encode(edited));
    } catch (error) {
      gateway.setting.log.error({ err: error, approval }, 'a continued call could not go on');
    } finally {
      desk.keepAlive.delete(beat);
      answer.close();
    }
  })();
  desk.follow(run);
  return responseOf(answer);
}

/** Its end is an event; the approval has long been over. A further question is remembered like the first. */
async function ended(gateway: Gateway, request: ToolCallRequest, id: string, outcome: Outcome): Promise<void> {
  const { store } = gateway.setting;
  const type =
    outcome.kind === 'unknown' ? 'call.unknown' : outcome.kind === 'not_sent' ? 'call.returned' : endOf(outcome.failed);
  const said: JsonObject = outcome.kind === 'returned' ? { bytes: outcome.response.byteLength } : { why: outcome.why };
  await store.append([continued(gateway, request, id, type, { ...said, continues: id })]);
  if (outcome.kind !== 'returned') return;
  const approval = await store.find(id);
  if (approval !== null) await rememberQuestion(gateway, approval, outcome.response);
}

function endOf(failed: boolean): 'call.failed' | 'call.succeeded' {
  return failed ? 'call.failed' : 'call.succeeded';
}

function continued(
  gateway: Gateway,
  { principal, server, params }: Pick<ToolCallRequest, 'principal' | 'server' | 'params'>,
  approval: string,
  type: NewEvent['type'],
  data: JsonObject,
): NewEvent {
  const at = gateway.setting.clock.now();
  return { type, at, actor: 'holdfast', approval, server, tool: String(params.name), grant: principal.grant, data };
}
