import type { Grant } from '../../config/config.ts';
import { remedyFor, stuckAsks, waysOf } from '../../config/deciders.ts';
import type { Loaded } from '../../config/load.ts';
import { personsOf } from '../../config/persons.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** Checks that agents get in, and that somebody can approve what they ask. */
export function grantFindings(loaded: Loaded, now: Date): DoctorFinding[] {
  const { grants } = loaded.config;
  if (grants.length === 0)
    return [warn('grants', 'there is none, so every agent is refused', 'Make one with holdfast grant new.')];
  const findings = grants.flatMap((grant) => [...tokenFindings(grant, now), ...stuckFindings(grant, loaded)]);
  const found = findings.length > 0 ? findings : [ok('grants', `${grants.length}, each with somebody to ask`)];
  return [...found, ...adminTokenFindings(loaded)];
}

/** Where the admin token votes, or is listed and does not. */
function adminTokenFindings({ config, secrets }: Loaded): DoctorFinding[] {
  const listing = [...config.approvers].filter(([, group]) => group.admin).map(([name]) => name);
  if (listing.length === 0) return [];
  const about = 'admin token';
  const where = `approvers ${listing.join(', ')}`;
  switch (personsOf(config, secrets.adminToken !== null).adminToken) {
    case 'somebody':
      return [
        warn(
          about,
          `${where} let it approve, and whoever holds it may be anybody: the owner of the agent too`,
          'Name the humans under people, and take admin out of the approvers, or say whose token it is: admin_token: true.',
        ),
      ];
    case 'nobody':
      return [
        warn(
          about,
          `${where} list it, but people says of nobody that it is theirs: it can deny and not approve`,
          'Take admin out of the approvers, or set admin_token: true on the person who holds it.',
        ),
      ];
    case 'a person':
      return [
        warn(
          about,
          `${where} let it approve: a secret that is not bound to a human`,
          'Prefer a vote in Slack, and give the token to nobody else.',
        ),
      ];
    default:
      return [];
  }
}

function tokenFindings(grant: Grant, now: Date): DoctorFinding[] {
  const about = `grant ${grant.name}`;
  const found: DoctorFinding[] = [];
  const days = grant.expires === null ? null : (grant.expires.getTime() - now.getTime()) / DAY_MS;
  if (days !== null && days <= 0) {
    found.push(warn(about, 'has expired: its agent is refused', 'Set a later expires, or remove the grant.'));
  } else if (days !== null && days < SOON_DAYS) {
    const what = `expires in ${Math.ceil(days)} days (${grant.expires?.toISOString().slice(0, 10)})`;
    found.push(warn(about, what, 'Rotate its token and set a later expires.'));
  }
  if (grant.retiringSha256 !== null) {
    found.push(warn(about, 'two tokens are taken', 'Once its agents use the new one, remove the old one.'));
  }
  return found;
}

/** What this grant's agent may ask for and nobody could ever approve. */
function stuckFindings(grant: Grant, loaded: Loaded): DoctorFinding[] {
  const ways = waysOf(loaded.secrets);
  return [...Map.groupBy(stuckAsks(grant, loaded), ({ server }) => server).values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    const limit = ways.slack ? 'besides its own owner' : 'without Slack';
    const what = `nobody can approve ${first.server}.${first.what}${more}: it needs ${first.quorum}, and ${first.people} could ${limit}`;
    return [fault(`grant ${grant.name}`, what, remedyFor(loaded.config, ways))];
  });
}
