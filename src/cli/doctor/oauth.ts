import type { Loaded } from '../../config/load.ts';
import { agentTokenTerms } from '../../main/access-tokens.ts';
import { agentTokens } from '../../oauth/agent-tokens.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';

const ABOUT = 'oauth';
/** Milliseconds for which a token may be good without a warning: whoever is dismissed has theirs for as long. */
const LONG_MS = 5 * 60_000;
/** Seconds by which the provider's clock may differ: those that a token is given. */
const SKEW_S = 60;

/** What is found of the provider of agents' access tokens; empty: the config names none. */
export async function oauthFindings(loaded: Pick<Loaded, 'config' | 'secrets'>): Promise<DoctorFinding[]> {
  const { config, secrets } = loaded;
  const { oauth } = config;
  if (!oauth) return [];
  const clock = { now: () => new Date() };
  const found = await agentTokens(() => agentTokenTerms({ config, secrets }), { clock, steady: clock }).look();
  return [...(found === null ? [] : providerFindings(oauth.issuer, found)), ...configFindings(config, oauth)];
}

function providerFindings(
  issuer: string,
  found: NonNullable<Awaited<ReturnType<ReturnType<typeof agentTokens>['look']>>>,
): DoctorFinding[] {
  if (found.kind === 'unusable') {
    const what = `${issuer} cannot be used: ${found.why}. No access token of an agent is accepted until it can; grants’ own tokens are`;
    return [
      fault(
        ABOUT,
        what,
        'Compare oauth.issuer with the issuer in its discovery document, and let this machine reach it.',
      ),
    ];
  }
  const { keys, registers, skewS, mute } = found;
  const clients = registers ? 'clients register by themselves' : 'clients cannot register by themselves';
  const remedy = 'Register each kind of client at the provider, and give its people the client id (docs/identity.md).';
  const what = `${issuer} answers; it signs with ${keys.join(', ')}; ${clients}`;
  const skewed = skewS !== null && Math.abs(skewS) >= SKEW_S;
  const apart = `its clock and this machine’s differ by ${skewS} seconds, so tokens may be refused as too old or not valid yet`;
  return [
    registers ? ok(ABOUT, what) : warn(ABOUT, what, remedy),
    ...(mute === null ? [] : [cannotAsk(issuer, mute)]),
    ...(skewed ? [warn(ABOUT, apart, 'Run NTP (chrony, systemd-timesyncd) on this machine.')] : []),
  ];
}

function cannotAsk(issuer: string, why: string): DoctorFinding {
  return fault(
    ABOUT,
    `${issuer} cannot be asked about tokens: ${why}. No access token of an agent is accepted until it can; grants’ own tokens are`,
    'Register a client at the provider that may introspect, give its id and HOLDFAST_OAUTH_CLIENT_SECRET, or leave oauth.introspection out.',
  );
}

/** How long it takes until somebody is out whom the provider has let go. */
function revocationFinding({ longestMs, introspection }: NonNullable<Loaded['config']['oauth']>): DoctorFinding {
  if (introspection)
    return ok(ABOUT, 'a token that is revoked at the provider is refused within 60 seconds: it is asked about each');
  const takes = `revocation takes as long as a token lives, up to ${longestMs / 60_000} minutes (oauth.longest): whoever is dismissed at the provider goes on until theirs ends`;
  if (longestMs <= LONG_MS) return ok(ABOUT, takes);
  return warn(
    ABOUT,
    takes,
    'Let the provider make tokens of 5 minutes and set oauth.longest to 5m, or let the provider be asked about each (oauth.introspection). To stop agents at once, freeze or revoke their grant.',
  );
}

function configFindings(
  { people, grants }: Loaded['config'],
  oauth: NonNullable<Loaded['config']['oauth']>,
): DoctorFinding[] {
  const { grants: given } = oauth;
  const owners = new Map(grants.map(({ name, tokenless, owner }) => [name, tokenless ? null : owner]));
  const owned = [...new Set(given.map(({ grant }) => grant))].filter((name) => owners.get(name));
  return [
    ...(people === null
      ? [
          warn(
            ABOUT,
            'the config has no people, so no account opens a call that needs approval',
            'List them under people, each with its login or oauth_subject.',
          ),
        ]
      : []),
    revocationFinding(oauth),
    ...(owned.length > 0
      ? [
          ok(
            ABOUT,
            `the owner of ${owned.join(', ')} is that of its own token; a call with an access token is its account’s`,
          ),
        ]
      : []),
  ];
}
