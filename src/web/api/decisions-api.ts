import type { Context, Hono } from 'hono';
import type { RefusalReason } from '../../domain/approval/decide.ts';
import { type BatchItem, MOST_TOGETHER, type TogetherRefusal } from '../../domain/approval/together.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import { decideTogether } from '../../gateway/decision/decide-together.ts';
import { withSlackGroups } from '../../gateway/decision/slack-groups.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { approvalJson } from './approval-json.ts';
import { type ApiEnv, bodyObject, strangeMember } from './body.ts';

export interface TogetherWords {
  /** Why a decision is refused, for people. */
  readonly refusals: Readonly<Record<RefusalReason, string>>;
  /** The reason in a body, or what is wrong with it. */
  wordIn(body: JsonObject): { readonly reason: string | null } | string;
}

const NONE =
  'None of these calls was decided, because of those that items names. Look at them again, or leave them out.';

/** `POST /api/decisions`: one person's decision about several calls, all or none. */
export function togetherRoute(app: Hono<ApiEnv>, gateway: Gateway, words: TogetherWords): void {
  app.post('/api/decisions', async (c) => {
    const body = await bodyObject(c);
    const asked = typeof body === 'string' ? body : readTogether(body, words);
    if (typeof asked === 'string') return c.json({ error: 'bad_decision', reason: asked }, 400);
    const approver = c.get('approver');
    const { pickupMs } = gateway.rules.approval;
    const { choice } = asked.word;
    const by = (approval: Parameters<typeof withSlackGroups>[1]) =>
      withSlackGroups(gateway, approval, approver, choice);
    const decided = await decideTogether(gateway, asked.items, asked.word, by, { pickupMs });
    if (decided.kind === 'recorded') return c.json({ items: decided.approvals.map(approvalJson) });
    const items = decided.items.map(({ id, state, why }) => {
      return { id, state, why, reason: wordsFor(why, words.refusals) };
    });
    const { error, status } = answerFor(decided.items.map(({ why }) => why));
    return noneDecided(c, error, status, items);
  });
}

function noneDecided(c: Context, error: string, status: 403 | 404 | 409, items: readonly object[]): Response {
  return c.json({ error, reason: NONE, items }, status);
}

/** What has changed comes first: the other calls may be fit once that is left out. */
function answerFor(all: readonly TogetherRefusal[]): { readonly error: string; readonly status: 403 | 404 | 409 } {
  if (all.some((why) => CHANGED.has(why))) return { error: 'changed', status: 409 };
  if (all.includes('not_found')) return { error: 'not_found', status: 404 };
  return { error: all[0]!, status: 403 };
}

const CHANGED: ReadonlySet<TogetherRefusal> = new Set(['already_decided', 'changed', 'expired']);

function wordsFor(why: TogetherRefusal, refusals: TogetherWords['refusals']): string {
  if (why === 'not_found') return 'There is no such approval.';
  if (why === 'changed') return 'It has changed since it was shown, and still waits. Look at it again.';
  return refusals[why];
}

function readTogether(body: JsonObject, { wordIn }: TogetherWords) {
  const strange = strangeMember(body, ['decision', 'reason', 'items']);
  if (strange !== null) return strange;
  const choice = member(body, 'decision');
  if (choice !== 'approve' && choice !== 'deny') return 'decision is "approve" or "deny".';
  const word = wordIn(body);
  if (typeof word === 'string') return word;
  const given = member(body, 'items');
  if (!Array.isArray(given) || given.length === 0)
    return 'items is a list of calls: {"id", "fingerprint", "revision"}.';
  if (given.length > MOST_TOGETHER) return `At most ${MOST_TOGETHER} calls are decided together. Send them in parts.`;
  const items: BatchItem[] = [];
  for (const each of given) {
    const strangeHere = isObject(each) ? strangeMember(each, ['id', 'fingerprint', 'revision']) : null;
    if (strangeHere !== null) return strangeHere;
    const [id, fingerprint, revision] = ['id', 'fingerprint', 'revision'].map((name) => member(each, name));
    if (typeof id !== 'string' || typeof fingerprint !== 'string' || !Number.isSafeInteger(revision))
      return 'Each of items is {"id", "fingerprint", "revision"}, as the approval had them when it was shown.';
    if (items.some((other) => other.id === id)) return 'Each call is named once.';
    items.push({ id, fingerprint, revision: revision as number });
  }
  return { word: { choice, reason: word.reason } as const, items };
}
