import { canonical } from '../json/canonical.ts';
import type { Json } from '../json/json.ts';
import type { Approval, Choice, VoteSignature } from './approval.ts';

/** COSE algorithms (RFC 9053) of passkeys that may sign: ECDSA on P-256, Ed25519, RSA with PKCS #1 v1.5; all with SHA-256. */
export const SIGNING_ALGORITHMS = [-7, -8, -257] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

export function isSigningAlgorithm(value: unknown): value is SigningAlgorithm {
  return (SIGNING_ALGORITHMS as readonly unknown[]).includes(value);
}

/** A public key with the one algorithm that it was registered for. */
export interface PublicPasskey {
  /** SPKI, DER, base64url. */
  readonly publicKey: string;
  readonly algorithm: SigningAlgorithm;
}

/** A passkey that may sign votes of its person. */
export interface RegisteredKey extends PublicPasskey {
  /** The credential's id, base64url. */
  readonly id: string;
  /** The approver's id of its person. */
  readonly owner: string;
  /** The origin at which it was made; its host is what it is bound to. */
  readonly origin: string;
  readonly registeredAt: Date;
}

/** The cryptography that signatures need; handed in, because the domain imports none. */
export interface PasskeyProof {
  /** Hex SHA-256 of the text as UTF-8. */
  sha256(text: string): string;
  /** The bytes of base64url without padding; null: the text is none. */
  bytes(text: string): Uint8Array | null;
  /** base64url of the SHA-256 of the text as UTF-8. */
  challenge(text: string): string;
  /**
   * Whether the key signed authenticatorData and the SHA-256 of the client data. False for anything malformed, and for a
   * key that is not of its algorithm.
   */
  signed(key: PublicPasskey, authenticatorData: Uint8Array, clientData: Uint8Array, signature: Uint8Array): boolean;
}

/** By what signatures are judged now. */
export interface Signing {
  /** The log's id; null: it is not known, and no signature counts. */
  readonly log: string | null;
  /** By their ids; null: they are not what a gateway left, and no signature counts. */
  readonly keys: ReadonlyMap<string, RegisteredKey> | null;
  readonly proof: PasskeyProof;
}

/** What one vote's signature is about. */
export interface SignedVote {
  readonly nonce: string;
  /** The log's id. */
  readonly log: string;
  readonly approval: string;
  readonly fingerprint: string;
  readonly choice: Choice;
  /** Hex SHA-256 of `frozenParts`. */
  readonly frozen: string;
}

/**
 * The text whose SHA-256 a passkey signs as its challenge: a JSON list that begins with what it is for and its version, so
 * that no value runs into the next one and nothing else that is ever signed reads like it.
 */
export function signedText({ nonce, log, approval, fingerprint, choice, frozen }: SignedVote): string {
  return JSON.stringify(['holdfast approval signature', 1, nonce, log, approval, fingerprint, choice, frozen]);
}

/**
 * What was frozen when the approval was opened, as people see it: RFC 8785. Nothing that changes afterwards is in it, so that
 * somebody who joins, and another's vote, void no signature.
 */
export function frozenParts(approval: Approval): string {
  return canonical({
    id: approval.id,
    server: approval.server,
    tool: approval.tool,
    grant: approval.grant,
    owner: approval.owner,
    selfApproval: approval.selfApproval,
    fingerprint: approval.fingerprint,
    requirement: approval.requirement as unknown as Json,
    arguments: approval.arguments,
    sent: approval.sent as unknown as Json,
    hidden: approval.hidden as unknown as Json,
    trace: approval.trace as unknown as Json,
    statedReason: approval.statedReason,
    answersTo: approval.answersTo,
    asked: approval.asked as unknown as Json,
    previousUnknown: approval.previousUnknown,
    ...(approval.counterOf === undefined ? {} : { counterOf: approval.counterOf as unknown as Json }),
    policyDigest: approval.policyDigest,
    createdAt: approval.createdAt.getTime(),
    expiresAt: approval.expiresAt.getTime(),
  });
}

/** Longest parts of an assertion, in characters of base64url: an RSA signature of 4,096 bits has 683. */
export const LONGEST_SIGNATURE_PART = 3_000;
const PARTS = ['key', 'nonce', 'authenticatorData', 'clientData', 'signature'] as const;

/** Reads what `signatureJson` wrote, from a database or an event; null: it is something else. */
export function readVoteSignature(value: unknown): VoteSignature | null {
  if (typeof value !== 'object' || value === null) return null;
  const read = value as Record<string, unknown>;
  const isText = (name: string): boolean => {
    const part = read[name];
    return typeof part === 'string' && part.length <= LONGEST_SIGNATURE_PART && /^[\w-]+$/.test(part);
  };
  if (read.v !== 1 || !PARTS.every(isText)) return null;
  if (typeof read.frozen !== 'string' || !/^[0-9a-f]{64}$/.test(read.frozen)) return null;
  const { key, nonce, frozen, authenticatorData, clientData, signature } = read as unknown as VoteSignature;
  return { v: 1, key, nonce, frozen, authenticatorData, clientData, signature };
}

/** As it stands in a vote's row and in its event. */
export function signatureJson(given: VoteSignature): { readonly [name: string]: Json } {
  const { v, key, nonce, frozen, authenticatorData, clientData, signature } = given;
  return { v, key, nonce, frozen, authenticatorData, clientData, signature };
}
