/** `said`: JSON of what the mapped claim said. `kept`: the provider's tokens, sealed. */
export interface PersonLoginTable {
  id: string;
  flow: string;
  issuer: string;
  subject: string;
  session: string | null;
  email: string | null;
  name: string;
  said: string;
  checked_at: Date;
  kept: Uint8Array;
  /** Until then one replica asks the provider. Not sealed: whoever changes it delays a check, which fails closed. */
  checking_until: Date | null;
  seal: string | null;
}

export interface PersonEmailTable {
  email: string;
  issuer: string;
  subject: string;
  at: Date;
  seal: string | null;
}

export interface ApiTokenTable {
  id: string;
  digest: string;
  owner: string;
  name: string;
  role: string;
  at: Date;
  ends_at: Date;
  revoked_at: Date | null;
  revoked_by: string | null;
  vouched_at: Date | null;
  seal: string | null;
}
