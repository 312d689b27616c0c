/** Why something could not be reached, in words for whoever set it up; never contains an address or a password. */
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
  EAI_AGAIN: { what: 'its host name cannot be looked up now', remedy: 'Check the DNS of this machine.' },
  ETIMEDOUT: { what: 'it does not answer', remedy: 'Check the firewalls and routes between this machine and it.' },
  EHOSTUNREACH: {
    what: 'there is no route to it',
    remedy: 'Check the firewalls and routes between this machine and it.',
  },
  ECONNRESET: {
    what: 'it ended the connection',
    remedy: 'It may require TLS, or not support it: compare its settings with the URL.',
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
  '53300': { what: 'it has no free connection', remedy: 'Raise max_connections, or run fewer replicas.' },
  '42501': {
    what: 'the user lacks a privilege that is needed',
    remedy: 'Let the user create schemas in the database: grant create on database … to …',
  },
};

/** Why it could not be reached; null: the error has another reason. */
export function outOfReach(error: unknown): OutOfReach | null {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const inner =
      cause instanceof AggregateError ? (cause.errors as unknown[]).find((each) => each instanceof Error) : undefined;
    const code = String((cause as { code?: unknown }).code ?? (inner as { code?: unknown } | undefined)?.code ?? '');
    if (UNTRUSTED.has(code) || /self-signed certificate|unable to verify the first|local issuer/.test(cause.message)) {
      return { what: 'its TLS certificate is not signed by a CA that is trusted here', remedy: CA };
    }
    if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code]!;
    if (/does not match certificate's altnames/.test(cause.message)) return BY_CODE.ERR_TLS_CERT_ALTNAME_INVALID!;
    if (/does not support SSL/.test(cause.message)) {
      return { what: 'it does not speak TLS', remedy: 'Turn on TLS there, or take sslmode out of DATABASE_URL.' };
    }
    if (/timeout|ETIMEDOUT/i.test(cause.message)) return BY_CODE.ETIMEDOUT!;
    if (/WRONGPASS|NOAUTH|invalid password/.test(cause.message)) {
      return { what: 'it refuses the password', remedy: 'Correct the user and password in REDIS_URL.' };
    }
  }
  return null;
}

/**
 * An error with words for a terminal if something could not be reached; else the same error. `part`: what could not be
 * used.
 */
export function explainUnreachable(part: string, error: unknown): unknown {
  const reason = outOfReach(error);
  return reason === null
    ? error
    : new Error(`${part} cannot be used: ${reason.what}. ${reason.remedy}`, { cause: error });
}
