/** What begins a line when a line break of the text gets through. */
export const HOSTILE_MARK = 'FITS: events';

/**
 * A text that attacks whoever looks at it on a terminal: a link (OSC 8), colours, the cursor, a title, C1 controls, a
 * line that passes for ours, bidirectional and zero-width characters, tags, a lone surrogate.
 */
export const HOSTILE = `\u001b]8;;http://evil\u0007link\u001b]8;;\u0007\u001b[2K\u001b[1A\u009b31m\u0085\r\n${HOSTILE_MARK} 1 to 9\n\u202eabc\u2066\u200b\u200d\u00ad\u{e0041}\ud800\u2028\u007f\u0000\u115f`;

/** A character that a terminal would obey, hide or reorder. */
export const OBEYED =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]|[\ud800-\udfff](?![\udc00-\udfff])(?<![\ud800-\udbff][\udc00-\udfff])/u;

interface HostileAnswer {
  readonly status: number;
  readonly body: string;
}

const person = { approver: HOSTILE, decision: HOSTILE, reason: HOSTILE, via: HOSTILE, at: HOSTILE };
const people = { approvers: [HOSTILE], people: [HOSTILE], userGroups: [HOSTILE], admin: true };

/** An approval of which every text is hostile, as the API gives it. */
export const HOSTILE_APPROVAL = {
  id: HOSTILE,
  state: HOSTILE,
  server: HOSTILE,
  tool: HOSTILE,
  grant: HOSTILE,
  owner: HOSTILE,
  selfApproval: false,
  requirement: { ...people, quorum: 2, denyReason: 'required', escalate: { ...people, at: HOSTILE } },
  rule: HOSTILE,
  risk: HOSTILE,
  severity: HOSTILE,
  reason: HOSTILE,
  arguments: { [HOSTILE]: [HOSTILE] },
  sent: {
    params: { [HOSTILE]: HOSTILE },
    meta: {
      'io.modelcontextprotocol/clientInfo': { name: HOSTILE, version: HOSTILE },
      'io.modelcontextprotocol/clientCapabilities': { [HOSTILE]: { [HOSTILE]: {} } },
    },
    headers: { [HOSTILE]: HOSTILE },
  },
  hidden: { byPolicy: 0, byName: 0 },
  statedReason: HOSTILE.replaceAll('\n', ''),
  laterReasons: [HOSTILE.replaceAll('\n', '')],
  answersTo: HOSTILE,
  asked: HOSTILE,
  answers: [{ text: HOSTILE, leg: HOSTILE }],
  fingerprint: HOSTILE,
  note: HOSTILE,
  card: { channel: HOSTILE, ts: HOSTILE },
  expiresAt: HOSTILE,
  pickupUntil: HOSTILE,
  decisions: [person],
};

const EVENT = {
  type: HOSTILE,
  at: HOSTILE,
  actor: HOSTILE,
  server: HOSTILE,
  tool: HOSTILE,
  approval: HOSTILE,
  data: { reason: HOSTILE, name: HOSTILE },
};

/** What a hostile gateway, or something else at its address, may answer. */
export function answering(list: boolean): Readonly<Record<string, HostileAnswer>> {
  const page = { items: [{ ...EVENT, ...HOSTILE_APPROVAL }], next: null, keys: [HOSTILE] };
  const refusal = { error: HOSTILE, reason: HOSTILE };
  return {
    'an answer': { status: 200, body: JSON.stringify(list ? page : { ...HOSTILE_APPROVAL, keys: [HOSTILE] }) },
    'a refusal': { status: 403, body: JSON.stringify(refusal) },
    'what is decided': { status: 409, body: JSON.stringify({ ...refusal, state: HOSTILE }) },
    'no JSON, with success': { status: 200, body: HOSTILE },
    'no JSON': { status: 502, body: HOSTILE },
  };
}
