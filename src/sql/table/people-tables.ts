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

export interface PersonKeyTable {
  id: string;
  owner: string;
  name: string;
  public_key: string;
  algorithm: number;
  origin: string;
  counter: number;
  at: Date;
  registered_at: Date | null;
  registered_by: string | null;
  break_glass: boolean;
  ended_at: Date | null;
  ended_by: string | null;
  ended: string | null;
  seal: string | null;
}

export interface SigningNonceTable {
  digest: string;
  purpose: string;
  login: string;
  person: string;
  approval_id: string | null;
  choice: string | null;
  at: Date;
  ends_at: Date;
  seal: string | null;
}
