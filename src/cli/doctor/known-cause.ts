import type { ServerConfig } from '../../config/config.ts';

/** What fetches its program from the network before it starts it. */
const FETCHES = /(?:^|\/)(?:npx|npm|pnpx|pnpm|yarn|bunx|bun|uvx|uv|pipx|docker|podman)(?:\.cmd|\.exe)?$/;

/**
 * What to do where a server's words, or Node's about it, say what is wrong: certificates, names, proxies, packages. Null:
 * they do not.
 */
export function knownCause({ name, upstream }: ServerConfig, why: string): string | null {
  const isCommand = upstream.kind === 'stdio';
  const fetches = isCommand && FETCHES.test(upstream.command[0]);
  if (CERTIFICATE.test(why)) {
    return isCommand
      ? `It does not trust a certificate; a proxy that opens TLS may be in the way. Start the gateway and doctor with NODE_EXTRA_CA_CERTS=/path/ca.pem (SSL_CERT_FILE for Python), which it inherits where it can read the file, or put that under servers.${name}.env.`
      : 'Its certificate is not trusted here. Start the gateway and doctor with NODE_EXTRA_CA_CERTS=/path/ca.pem, the authority that signed it; the name in url must be one in the certificate.';
  }
  if (isCommand && NO_PACKAGE.test(why))
    return 'There is no such package, or no such version: correct its name under args.';
  if (fetches && NO_NETWORK.test(why)) {
    return `It cannot fetch its package. Behind a proxy, put HTTPS_PROXY under servers.${name}.env: a command inherits none. Or install the package, and give the program that it installs as command.`;
  }
  if (fetches && LATE.test(why)) {
    return `It may still have been fetching its package. Run the command once by hand, until it waits for input, then try again; or install the package, and give the program that it installs as command. Behind a proxy, put HTTPS_PROXY under servers.${name}.env.`;
  }
  if (!isCommand && /ENOTFOUND|EAI_AGAIN/.test(why))
    return 'Its name is not known here: correct its url, or, behind a proxy, set HTTPS_PROXY.';
  return null;
}

const CERTIFICATE =
  /self.signed cert|SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|unable to (?:get (?:local )?issuer|verify the first)|CERT_(?:HAS_EXPIRED|NOT_YET|UNTRUSTED|SIGNATURE)|ERR_TLS_CERT_ALTNAME|CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer|x509:/i;
const NO_PACKAGE =
  /\bE404\b|npm error 404|\bETARGET\b|No matching version|No solution found when resolving|not found in the package registry/i;
const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|error sending request|dns error|tunneling socket|network (?:is )?unreachable|Temporary failure in name/i;
const LATE = /no answer within/;
