import type { EvidenceProof } from '../../domain/log/judge-evidence.ts';
import { passkeyProof } from '../../vault/passkey-proof.ts';
import { proof } from '../../vault/proof.ts';

/** What an auditor's checks compute. It needs no secret. */
export function evidenceProof(): EvidenceProof {
  return { ...proof(), passkeys: passkeyProof() };
}
