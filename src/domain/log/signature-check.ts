import { assertionFault } from '../approval/assertion.ts';
import { isSigningAlgorithm, type PasskeyProof, type PublicPasskey, readVoteSignature } from '../approval/signing.ts';
import { type Json, member } from '../json/json.ts';
import { actorOf } from '../people/actor.ts';
import type { Link } from './evidence.ts';

/** What the signatures of a log are worth, by the log alone. */
export interface SignatureReport {
  /** Signatures over votes that are those of registered keys. */
  readonly verified: number;
  /** Keys that were registered, and how many of them by the admin token (break-glass). */
  readonly registered: number;
  readonly breakGlass: number;
  /** Signatures by keys that were registered in what was cut and not read; absent: there are none. */
  readonly unread?: number;
  /** What does not fit. `seq`: of the event; null: it is not sealed yet. */
  readonly faults: readonly { readonly seq: number | null; readonly why: string }[];
}

interface LoggedKey extends PublicPasskey {
  readonly owner: string;
  readonly person: string | null;
}

/** A call that had to be signed, while it is open. */
interface OpenCall {
  readonly origin: string | null;
  readonly fingerprint: string;
  readonly quorum: number;
  /** The key that signed the yes of each person. */
  readonly yeses: Map<string, string>;
  /** It was sent, once its signatures were judged: what its server asks then is answered by the same yeses. */
  sent: boolean;
  /** Denied, or otherwise over: nothing of it is sent any more. */
  over: boolean;
}

/** Faults that are kept one by one. */
const MOST_FAULTS = 100;
/** How a plainly allowed call ends. With the comma, because the quote after it then begins the name of a member. */
const ALLOWED = ',"type":"call.allowed"}';
const TYPE = /,"type":"([a-z._]+)"\}$/;
const LONGEST_END = 64;
/** What is signed, or has to be; or a letter that is written as an escape, which no canonical text has. */
const SIGNED = /"(?:stepUp|signature)"\s*:\s*\{|\\u00[4-7]/i;
const ENDS = [
  ...['approval.expired', 'approval.withdrawn', 'approval.lapsed', 'approval.taken_back'],
  ...['call.succeeded', 'call.failed', 'call.unknown'],
];

/**
 * Reads a log once, in its order, and checks the signatures over votes by the keys whose registration is in it: no secret
 * and no database is needed, and no gateway is believed. Of every call that had to be signed it checks that no fewer people had
 * signed than its quorum when it was sent, and that nothing of it was sent once it was over. Memory grows with the keys and
 * with the calls that had to be signed, not with the log.
 */
export class VoteSignatureCheck {
  readonly #proof: PasskeyProof;
  readonly #keys = new Map<string, LoggedKey>();
  readonly #requested = new Map<string, string>();
  readonly #open = new Map<string, OpenCall>();
  readonly #faults: { seq: number | null; why: string }[] = [];
  /** Events that are about signatures, until the log's id is known. */
  #waiting: { seq: number | null; text: string }[] = [];
  #verified = 0;
  #registered = 0;
  #breakGlass = 0;
  /** Reading began, or went on, after a cut; keys that may have been registered in it, and those that were revoked. */
  #begunLate = false;
  readonly #unread = new Set<string>();
  readonly #ended = new Set<string>();
  #unreadVotes = 0;

  constructor(proof: PasskeyProof) {
    this.#proof = proof;
  }

  /**
   * Reading begins after a cut, or goes on behind one: what was registered there is not known, and its signatures are only counted. Nor
   * is who signed there, so a call that was open before is judged no further; one that was over then stays over.
   */
  beginLate(): void {
    this.#begunLate = true;
    for (const [approval, { over }] of this.#open) if (!over) this.#open.delete(approval);
  }

  /** The next event. `log`: the log's id, if it is known by now. */
  event({ seq, text }: Pick<Link, 'seq' | 'text'>, log: string | null): void {
    if (!this.#concerns(text)) return;
    this.#waiting.push({ seq, text });
    if (log !== null) this.#judgeWaiting(log);
  }

  end(log: string | null): SignatureReport {
    if (log !== null) this.#judgeWaiting(log);
    else if (this.#waiting.length > 0)
      this.#fault(this.#waiting[0]!.seq, 'has no id of its log, which signatures are over');
    const counts = { verified: this.#verified, registered: this.#registered, breakGlass: this.#breakGlass };
    return { ...counts, ...(this.#unreadVotes > 0 && { unread: this.#unreadVotes }), faults: this.#faults };
  }

  /**
   * Whether it may matter; told by its text, because most events do not. The last member of an event is its type. A text that no
   * gateway writes, with blanks or escaped letters, is looked at, whatever it seems to be.
   */
  #concerns(text: string): boolean {
    if (text.endsWith(ALLOWED)) return false;
    const type = TYPE.exec(text.slice(-LONGEST_END))?.[1];
    if (type === undefined || type.startsWith('key.') || SIGNED.test(text)) return true;
    const isOpen = this.#open.size > 0 || this.#waiting.length > 0;
    return isOpen && (type.startsWith('approval.') || type.startsWith('call.'));
  }

  #judgeWaiting(log: string): void {
    for (const { seq, text } of this.#waiting) {
      const event = parsed(text);
      if (event !== null) this.#judge(seq, event, log);
    }
    this.#waiting = [];
  }

  #judge(seq: number | null, event: Json, log: string): void {
    const type = member(event, 'type');
    const data = member(event, 'data') ?? null;
    const approval = text(member(event, 'approval'));
    if (type === 'key.requested') this.#request(event, data);
    if (type === 'key.registered') this.#note(seq, this.#register(event, data));
    if (type === 'key.revoked' || type === 'key.suspended') this.#forget(text(member(data, 'key')));
    if (type === 'approval.requested') this.#ask(approval, data);
    if (type === 'approval.decided' || type === 'approval.changed')
      this.#note(seq, this.#vote(event, data, approval, log));
    if (type === 'call.dispatched') this.#send(seq, approval, member(data, 'continues') === approval);
    if (typeof type === 'string' && ENDS.includes(type)) this.#end(approval);
  }

  #forget(key: string): void {
    this.#keys.delete(key);
    this.#ended.add(key);
    this.#unread.delete(key);
  }

  #request(event: Json, data: Json): void {
    this.#requested.set(text(member(data, 'key')), text(member(event, 'actor')));
  }

  #register(event: Json, data: Json): string | null {
    const [id, owner, publicKey] = ['key', 'owner', 'publicKey'].map((name) => text(member(data, name)));
    const algorithm = member(data, 'algorithm');
    const breakGlass = member(data, 'breakGlass') === true;
    if (!isSigningAlgorithm(algorithm)) return 'registers a passkey of an unknown kind';
    if (this.#requested.get(id!) !== actorOf({ id: owner! }))
      return `registers a passkey of ${owner} for which its owner did not ask`;
    if (!breakGlass && member(event, 'actor') === actorOf({ id: owner! }))
      return `registers a passkey of ${owner} by its own owner, and no second person`;
    this.#registered += 1;
    if (breakGlass) this.#breakGlass += 1;
    const person = member(data, 'person');
    this.#keys.set(id!, {
      owner: owner!,
      publicKey: publicKey!,
      algorithm,
      person: typeof person === 'string' ? person : null,
    });
    return null;
  }

  #ask(approval: string, data: Json): void {
    const stepUp = member(data, 'stepUp');
    if (stepUp === undefined || stepUp === null) return;
    const origin = member(stepUp, 'origin');
    const quorum = member(data, 'quorum');
    this.#open.set(approval, {
      origin: typeof origin === 'string' ? origin : null,
      fingerprint: text(member(data, 'fingerprint')),
      quorum: typeof quorum === 'number' ? quorum : 1,
      yeses: new Map(),
      sent: false,
      over: false,
    });
  }

  #vote(event: Json, data: Json, approval: string, log: string): string | null {
    const call = this.#open.get(approval);
    if (call === undefined) return null;
    const actor = text(member(event, 'actor'));
    const person = member(data, 'person');
    const who = typeof person === 'string' ? person : actor;
    if (member(data, 'choice') !== 'approve') {
      this.#end(approval);
      return null;
    }
    const given = readVoteSignature(member(data, 'signature'));
    if (given === null) return `is a yes of ${who} without a signature, and the call has to be signed`;
    const key = this.#keys.get(given.key);
    if (key === undefined && this.#begunLate && !this.#ended.has(given.key)) {
      this.#unread.add(given.key);
      this.#unreadVotes += 1;
      call.yeses.set(who, given.key);
      return null;
    }
    if (key === undefined) return `is signed by a passkey that is not registered in the log before it`;
    if (actorOf({ id: key.owner }) !== actor && (key.person === null || key.person !== person))
      return `is a yes of ${who}, signed by the passkey of ${key.owner}`;
    if (call.origin === null) return 'is a yes to a call that nobody could sign';
    if (call.fingerprint !== member(data, 'fingerprint')) return 'names another call than was asked about';
    const vote = { log, approval, fingerprint: call.fingerprint, choice: 'approve' } as const;
    const fault = assertionFault(this.#proof, given, vote, key, call.origin);
    if (fault !== null) return `has a signature of ${who} that does not count: ${fault}`;
    this.#verified += 1;
    call.yeses.set(who, given.key);
    return null;
  }

  #end(approval: string): void {
    const call = this.#open.get(approval);
    if (call === undefined) return;
    call.over = true;
    call.yeses.clear();
  }

  #send(seq: number | null, approval: string, goesOn: boolean): void {
    const call = this.#open.get(approval);
    if (call === undefined) return;
    if (call.over) {
      this.#fault(seq, 'sent a call that had to be signed, and was over');
      return;
    }
    // A key that was revoked meanwhile took no yes from a call that was under way.
    if (goesOn && call.sent) return;
    call.sent = true;
    const good = [...call.yeses.values()].filter((key) => this.#keys.has(key) || this.#unread.has(key)).length;
    if (good < call.quorum)
      this.#fault(
        seq,
        `sent a call that ${call.quorum} had to sign, and ${good} had signed with a passkey that was still registered`,
      );
  }

  #note(seq: number | null, why: string | null): void {
    if (why !== null) this.#fault(seq, why);
  }

  #fault(seq: number | null, why: string): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push({ seq, why });
  }
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** null: it is not JSON; the chain's own check says so. */
function parsed(line: string): Json | null {
  try {
    return JSON.parse(line) as Json;
  } catch {
    return null;
  }
}
