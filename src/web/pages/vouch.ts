import { readCheckpoint } from '../../domain/log/checkpoint.ts';
import type { Proof } from '../../domain/log/evidence.ts';
import type { ChainLook } from '../../ports.ts';

/** A look at the chain, with what its newest checkpoint says of it. */
export interface Vouched extends ChainLook {
  /** The checkpoint was signed by a key of ours and names the hash that is there now; null: there is none yet. */
  readonly vouched: boolean | null;
}

/** Checks the newest checkpoint against the chain and our own public keys. */
export function vouch(look: ChainLook, proof: Proof, keys: readonly string[]): Vouched {
  const { checkpoint } = look;
  if (checkpoint === null) return { ...look, vouched: null };
  const { text, signature } = checkpoint.signed;
  const said = readCheckpoint(text);
  const names = said !== null && said.seq === checkpoint.seq && said.hash === checkpoint.hashNow;
  return { ...look, vouched: names && keys.includes(said.key) && proof.verifies(said.key, text, signature) };
}
