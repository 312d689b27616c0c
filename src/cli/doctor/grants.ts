import type { Grant } from '../../config/config.ts';
import { remedyFor, stuckAsks, waysOf } from '../../config/deciders.ts';
import type { Loaded } from '../../config/load.ts';
import { personsOf } from '../../config/persons.ts';
import { DAY_MS } from '../../time/day.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';

const SOON_DAYS = 14;

/** Checks that agents get in, and that somebody can approve what they ask. */
export function grantFindings(loaded: Loaded, now: Date): DoctorFinding[] {
  const { grants } = loaded.config;
  if (grants.length === 0)
    return [warn('grants', 'there is none, so every agent is refused', 'Make one with holdfast grant new.')];
  const findings = grants.flatMap((grant) => [...tokenFindings(grant, now), ...stuckFindings(grant, loaded)]);
  const found = findings.length > 0 ? findings : [ok('grants', `${grants.length}, each with somebody who can approve`)];
  return [...found, ...adminTokenFindings(loaded)];
}

/** Where the admin token votes, or is listed and does not. */
function adminTokenFindings({ config, secrets }: Loaded): DoctorFinding[] {
  const listing = [...config.approvers].filter(([, group]) => group.admin).map(([name]) => name);
  if (listing.length === 0) return [];
  const about = 'admin token';
  const where = `the approvers ${listing.join(', ')}`;
  switch (personsOf(config, secrets.adminToken !== null).adminToken) {
    case 'somebody':
      return [
        warn(
          about,
          `${where} include it, so whoever has it can approve, even the owner of the agent`,
          'List your people under people. Then remove admin from the approvers, or set admin_token: true for the person who holds the token.',
        ),
      ];
    case 'nobody':
      return [
        warn(
          about,
          `${where} include it, but nobody under people has admin_token: true, so it can deny but not approve`,
          'Remove admin from the approvers, or set admin_token: true for the person who holds it.',
        ),
      ];
    case 'a person':
      return [
        warn(
          about,
          `${where} include it, and a token can be passed on`,
          'Prefer approvals in Slack, and do not share the token.',
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
    found.push(warn(about, 'two tokens are accepted', 'Once its agents use the new one, remove the old one.'));
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
