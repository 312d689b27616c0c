import { readCheckpoint } from '../../domain/log/checkpoint.ts';
import type { Proof } from '../../domain/log/evidence.ts';
import type { ChainLook } from '../../ports.ts';

/** A look at the chain, checked against its newest checkpoint. */
export interface ChainStatus extends ChainLook {
  /** Whether the checkpoint was signed with a key of ours and names the hash that is there now; null: there is none yet. */
  readonly checkpointValid: boolean | null;
}

/** Checks the newest checkpoint against the chain and against our public keys. */
export function chainStatus(look: ChainLook, proof: Proof, keys: readonly string[]): ChainStatus {
  const { checkpoint } = look;
  if (checkpoint === null) return { ...look, checkpointValid: null };
  const { text, signature } = checkpoint.signed;
  const body = readCheckpoint(text);
  const matches = body !== null && body.seq === checkpoint.seq && body.hash === checkpoint.hashNow;
  return { ...look, checkpointValid: matches && keys.includes(body.key) && proof.verifies(body.key, text, signature) };
}
