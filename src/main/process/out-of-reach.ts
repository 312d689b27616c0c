/** Why something could not be reached, in words for whoever set it up. Never an address or a password. */
export interface OutOfReach {
  readonly what: string;
  readonly remedy: string;
}

const CA =
  'Give Node your CA with NODE_EXTRA_CA_CERTS=/path/to/ca.pem (for Postgres also sslrootcert=… in DATABASE_URL).';

const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

const BY_CODE: Readonly<Record<string, OutOfReach>> = {
  ECONNREFUSED: { what: 'nobody listens there', remedy: 'Start it, or correct the host and port.' },
  ENOTFOUND: { what: 'its host name is not known', remedy: 'Correct the host name, or the DNS of this machine.' },
  EAI_AGAIN: { what: 'its host name cannot be looked up now', remedy: 'Look at the DNS of this machine.' },
  ETIMEDOUT: { what: 'it does not answer', remedy: 'Look at firewalls and routes between here and there.' },
  EHOSTUNREACH: { what: 'there is no route to it', remedy: 'Look at firewalls and routes between here and there.' },
  ECONNRESET: {
    what: 'it ended the connection',
    remedy: 'It may want TLS, or not want it: compare its settings with the URL.',
  },
  CERT_HAS_EXPIRED: { what: 'its TLS certificate has expired', remedy: 'Renew the certificate.' },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: 'its TLS certificate is for another host name',
    remedy: 'Use the host name that the certificate carries, or issue one for this name.',
  },
  '28P01': { what: 'it refuses the password', remedy: 'Correct the user and password in DATABASE_URL.' },
  '28000': { what: 'it refuses the user', remedy: 'Correct the user in DATABASE_URL, or the server’s pg_hba.conf.' },
  '3D000': {
    what: 'it has no database of that name',
    remedy: 'Create the database, or correct its name in DATABASE_URL.',
  },
  '53300': { what: 'it has no connection left', remedy: 'Raise max_connections, or run fewer replicas.' },
  '42501': {
    what: 'the user may not do what is needed',
    remedy: 'Let the user create schemas in the database: grant create on database … to …',
  },
};

/** null: an error that says nothing about reaching. */
export function outOfReach(error: unknown): OutOfReach | null {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    const inner = e instanceof AggregateError ? (e.errors as unknown[]).find((one) => one instanceof Error) : undefined;
    const code = String((e as { code?: unknown }).code ?? (inner as { code?: unknown } | undefined)?.code ?? '');
    if (UNTRUSTED.has(code) || /self-signed certificate|unable to verify the first|local issuer/.test(e.message)) {
      return { what: 'its TLS certificate is not signed by a CA that is trusted here', remedy: CA };
    }
    if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code]!;
    if (/does not match certificate's altnames/.test(e.message)) return BY_CODE.ERR_TLS_CERT_ALTNAME_INVALID!;
    if (/does not support SSL/.test(e.message)) {
      return { what: 'it does not speak TLS', remedy: 'Turn TLS on there, or take sslmode out of DATABASE_URL.' };
    }
    if (/timeout|ETIMEDOUT/i.test(e.message)) return BY_CODE.ETIMEDOUT!;
    if (/WRONGPASS|NOAUTH|invalid password/.test(e.message)) {
      return { what: 'it refuses the password', remedy: 'Correct the user and password in REDIS_URL.' };
    }
  }
  return null;
}

/** The same error with words for a terminal, where it is one of reaching. */
export function explained(part: string, error: unknown): unknown {
  const reason = outOfReach(error);
  return reason === null
    ? error
    : new Error(`${part} cannot be used: ${reason.what}. ${reason.remedy}`, { cause: error });
}
