import { randomBytes } from 'node:crypto';

/** 256 random bits, base64url: what a passkey signs once. */
export function newNonce(): string {
  return randomBytes(32).toString('base64url');
}
