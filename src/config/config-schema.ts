import { z } from 'zod';
import { BUCKET_FORM, isRegion } from '../domain/log/archive-place.ts';
import { ROLES } from '../domain/people/role.ts';
import { MODES } from '../domain/policy/mode.ts';
import { DURATION_FORM } from './document/duration.ts';
import { RATE_FORM } from './document/opening-rate.ts';
import { QuietShape } from './quiet-hours.ts';

export const PROXIES_FORM = 'addresses or networks of proxies such as 10.0.0.5 or 10.0.0.0/8';
export const AGENT_HOSTS_FORM = 'names or addresses as clients write them into Host, such as holdfast:8787';

/** The shape of `holdfast.yaml`. Maps with free keys are `unknown` here and checked entry by entry. */
const durationText = z.string({ error: DURATION_FORM });
const names = z.array(z.string()).min(1, { error: 'at least one name' });

const STATUS_FORM = 'an HTTP status from 400 to 599 by which the server says that it ran nothing';
const USER_FORM = 'the name of a user of this machine';

const LABEL_FORM =
  'a short text for approvers, such as production (environment: up to 60 characters, account: up to 120)';
const MODE_FORM = 'enforce, or watch: verdicts and limits are recorded and not enforced';
const COMMAND_FORM = 'a program, with its arguments under args, or a list of both';
const ARGS_FORM = 'a list of texts, the arguments of command';

export const ServerShape = z.strictObject({
  url: z.string().optional(),
  headers: z.unknown().optional(),
  not_run: z
    .array(z.int({ error: STATUS_FORM }).min(400, { error: STATUS_FORM }).max(599, { error: STATUS_FORM }))
    .optional(),
  command: z.union([z.array(z.string()).min(1), z.string()], { error: COMMAND_FORM }).optional(),
  args: z.array(z.string({ error: ARGS_FORM }), { error: ARGS_FORM }).optional(),
  env: z.unknown().optional(),
  cwd: z.string().optional(),
  run_as: z
    .string({ error: USER_FORM })
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, { error: USER_FORM })
    .optional(),
  sandbox: z.unknown().optional(),
  policy: z.string({ error: 'the path of a policy file' }).min(1),
  mode: z.enum(MODES, { error: MODE_FORM }).optional(),
  environment: z.string({ error: LABEL_FORM }).min(1, { error: LABEL_FORM }).max(60, { error: LABEL_FORM }).optional(),
  account: z.string({ error: LABEL_FORM }).min(1, { error: LABEL_FORM }).max(120, { error: LABEL_FORM }).optional(),
});
export type ServerShape = z.infer<typeof ServerShape>;

const TOKEN_FORM = 'the SHA-256 of the token as 64 hex digits; make one with `holdfast grant new`';
const token = z.string({ error: TOKEN_FORM }).regex(/^[0-9a-fA-F]{64}$/, { error: TOKEN_FORM });

export const GrantShape = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, { error: 'a name of letters, digits and _ . -' }),
  token_sha256: z
    .union([token, z.tuple([token, token], { error: 'one token, or [new, old] while it rotates' })], {
      error: TOKEN_FORM,
    })
    .optional(),
  servers: names,
  owner: z.string({ error: 'the Slack id of the person the agent works for, a name under people, or none' }),
  self_approval: z.boolean().optional(),
  expires: z.string({ error: 'a date such as 2027-01-31, or 2027-01-31T12:00:00Z' }).optional(),
});
export type GrantShape = z.infer<typeof GrantShape>;

const holdShape = z.strictObject({
  default: durationText.optional(),
  progress: durationText.optional(),
  leg: durationText.optional(),
  beat: durationText.optional(),
  clients: z.record(z.string().min(1).max(200), durationText).optional(),
});

const idOf = (first: string, error: string) =>
  z.string({ error }).regex(new RegExp(`^[${first}][A-Z0-9]{2,20}$`), { error });

export const CHANNEL_FORM = 'a channel id such as C0APPROVALS';
export const ChannelShape = idOf('CG', CHANNEL_FORM);

const ROLE_FORM = `a list of ${ROLES.join(', ')}`;

const LOGIN_FORM = 'the name at the sign-in, such as mira@example.com';
/** None that stands for somebody else: the admin token, an account that belongs to no person. Ids are in lower case, and so no Slack ids. */
const LOGIN = /^(?!(?:admin|none|holdfast)$|sub:)[^\s\p{C}]{1,200}$/iu;
const SUBJECT_FORM = 'the account at the provider: its sub claim, up to 255 characters';

export const PersonShape = z.strictObject({
  slack: idOf('UW', 'a Slack id such as U0MIRA').optional(),
  login: z.string({ error: LOGIN_FORM }).regex(LOGIN, { error: LOGIN_FORM }).optional(),
  subject: z
    .string({ error: SUBJECT_FORM })
    .regex(/^[^\p{C}]{1,255}$/u, { error: SUBJECT_FORM })
    .optional(),
  oauth_subject: z
    .string({ error: SUBJECT_FORM })
    .regex(/^[^\p{C}]{1,255}$/u, { error: SUBJECT_FORM })
    .optional(),
  roles: z.array(z.enum(ROLES, { error: `one of ${ROLES.join(', ')}` }), { error: ROLE_FORM }).optional(),
  admin_token: z.boolean({ error: 'true where this person holds the admin token' }).optional(),
});
export type PersonShape = z.infer<typeof PersonShape>;

const STAND_IN_FORM = 'a Slack id such as U0MIRA, or a name under people';
const someone = z.string({ error: STAND_IN_FORM }).min(1, { error: STAND_IN_FORM }).max(200, { error: STAND_IN_FORM });

export const StandInShape = z.strictObject({
  group: z.string({ error: 'the name of a group under approvers' }),
  for: someone,
  by: someone,
  until: z.string({ error: 'an instant such as 2026-12-24T00:00:00Z' }),
});

const DIGEST_OVER = 'a whole number from 1 to 100';
const DIGEST_WITHIN = 'a duration from 1s to 10m, such as 1m';

const SlackShape = z.strictObject({
  channel: ChannelShape.optional(),
  team: idOf('TE', 'a team id such as T0MAIN').optional(),
  enterprise: idOf('E', 'an organisation id such as E0ORG').optional(),
  app: idOf('A', 'an app id such as A0HOLDFAST').optional(),
  channels: z.strictObject({ servers: z.unknown().optional(), tools: z.unknown().optional() }).optional(),
  fallback: ChannelShape.optional(),
  direct: z.enum(['off', 'beside', 'instead'], { error: 'one of off, beside, instead' }).optional(),
  digest: z
    .union(
      [
        z.literal('off'),
        z.strictObject({
          over: z
            .int({ error: DIGEST_OVER })
            .min(1, { error: DIGEST_OVER })
            .max(100, { error: DIGEST_OVER })
            .optional(),
          within: z.string({ error: DIGEST_WITHIN }).optional(),
        }),
      ],
      { error: 'off, or over and within' },
    )
    .optional(),
});
export type SlackShape = z.infer<typeof SlackShape>;

const ISSUER_FORM = 'the provider’s https address, such as https://login.example.com/realms/main';
const CLAIM_FORM = 'the name of a claim, such as groups';

const CLIENT_ID_FORM = 'the client’s id at the provider';
const CLIENT_ID = z.string({ error: CLIENT_ID_FORM }).regex(/^[\x21-\x7e]{1,255}$/, { error: CLIENT_ID_FORM });

export const OidcShape = z.strictObject({
  issuer: z.string({ error: ISSUER_FORM }).max(500, { error: ISSUER_FORM }),
  client_id: CLIENT_ID,
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/), { error: 'a list of scopes beside openid' })
    .max(20)
    .optional(),
  recheck: durationText.optional(),
  match: z.enum(['sub', 'email'], { error: 'sub or email: by what a login under people is found' }).optional(),
  roles: z
    .strictObject({
      claim: z.string({ error: CLAIM_FORM }).regex(/^[\x21-\x7e]{1,200}$/, { error: CLAIM_FORM }),
      map: z.unknown(),
    })
    .optional(),
});
export type OidcShape = z.infer<typeof OidcShape>;

const AUDIENCE_FORM =
  'what the provider writes as aud in tokens for this gateway, such as https://holdfast.example.com';
const SCOPE = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/);

export const OAuthShape = z.strictObject({
  issuer: z.string({ error: ISSUER_FORM }).max(500, { error: ISSUER_FORM }),
  audience: z
    .string({ error: AUDIENCE_FORM })
    .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,500}$/, { error: AUDIENCE_FORM })
    .optional(),
  match: z.enum(['sub', 'email'], { error: 'sub or email: by what a login under people is found' }).optional(),
  scopes: z.array(SCOPE, { error: 'a list of scopes, all of which a token needs' }).max(20).optional(),
  longest: durationText.optional(),
  introspection: z
    .strictObject({
      client_id: CLIENT_ID,
      recheck: durationText.optional(),
      opaque: z.boolean({ error: 'true or false: whether tokens are taken that are no signed JWTs' }).optional(),
    })
    .optional(),
  grants: z
    .array(
      z.strictObject({
        claim: z.string({ error: CLAIM_FORM }).regex(/^[\x21-\x7e]{1,200}$/, { error: CLAIM_FORM }),
        equals: z.string({ error: 'a value of the claim' }).min(1).max(500, { error: 'up to 500 characters' }),
        grant: z.string({ error: 'the name of a grant' }),
      }),
      { error: 'a list of { claim, equals, grant }' },
    )
    .min(1, { error: 'at least one: without it every account is refused' })
    .max(200, { error: 'at most 200' }),
});
export type OAuthShape = z.infer<typeof OAuthShape>;

const SHARE_FORM = 'a share from 0 to 1, such as 0.5; at 1 nobody is told of';
const share = z.number({ error: SHARE_FORM }).min(0, { error: SHARE_FORM }).max(1, { error: SHARE_FORM });
/** Calls of one tool that may be kept of one day. */
const MOST_SAMPLES = 5_000;
const SAMPLES_FORM = 'a whole number of calls from 1 to 5000';

const OPERATOR_FORM = 'a Slack user id such as U0MIRA, or admin for the admin token';

/** What `audit.archive` is. */
export const ARCHIVE_FORM =
  'a folder for segments of the log, a bucket (s3://bucket/prefix), or none, by which events that are older than audit.retain are deleted for good';
export const ENDPOINT_FORM = 'the http or https address of an S3-compatible store, without a name, password or query';

/** `audit.archive` where it is a bucket of a store that needs more than its name. */
export const BucketShape = z.strictObject({
  s3: z.string({ error: BUCKET_FORM }),
  endpoint: z.string({ error: ENDPOINT_FORM }).optional(),
  region: z
    .string({ error: 'a region such as eu-central-1' })
    .refine(isRegion, { error: 'a region such as eu-central-1' })
    .optional(),
  path_style: z.boolean({ error: 'true or false' }).optional(),
});

export const ConfigShape = z.strictObject({
  version: z.literal('1'),
  servers: z.unknown().optional(),
  grants: z.array(z.unknown()).optional(),
  approvers: z.unknown().optional(),
  operators: z
    .array(z.string({ error: OPERATOR_FORM }).regex(/^(admin|[UW][A-Z0-9]{2,20})$/, { error: OPERATOR_FORM }), {
      error: 'a list of people',
    })
    .min(1, { error: 'at least one person: somebody has to be able to thaw' })
    .max(100, { error: 'at most 100 people' })
    .optional(),
  people: z.unknown().optional(),
  stand_ins: z.unknown().optional(),
  oidc: z.unknown().optional(),
  oauth: z.unknown().optional(),
  slack: SlackShape.optional(),
  approval: z
    .strictObject({
      approvers: names.optional(),
      admin_token: z
        .literal('another_person', {
          error: 'another_person: the holder of the admin token is none of the other approvers and owns no agent',
        })
        .optional(),
      timeout: durationText.optional(),
      pickup: durationText.optional(),
      grace: durationText.optional(),
      quiet: QuietShape.optional(),
      hold: holdShape.optional(),
      max_pending: z.int().min(1).max(10_000).optional(),
      openings: z.string({ error: RATE_FORM }).optional(),
      kept_bytes: z
        .int({ error: 'bytes, a whole number from 65,536 to 1,099,511,627,776' })
        .min(65_536)
        .max(1_099_511_627_776)
        .optional(),
      max_bytes: z
        .int({ error: 'bytes, a whole number from 65,536 to 1,073,741,824' })
        .min(65_536)
        .max(1_073_741_824)
        .optional(),
    })
    .optional(),
  oversight: z
    .strictObject({
      fast: share.optional(),
      approved: share.optional(),
      least: z
        .int({ error: 'decisions, a whole number from 2 to 100,000' })
        .min(2, { error: 'decisions, a whole number from 2 to 100,000' })
        .max(100_000, { error: 'decisions, a whole number from 2 to 100,000' })
        .optional(),
      days: z
        .int({ error: 'a whole number of days from 2 to 92' })
        .min(2, { error: 'a whole number of days from 2 to 92' })
        .max(92, { error: 'a whole number of days from 2 to 92' })
        .optional(),
    })
    .optional(),
  audit: z
    .strictObject({
      erasable: z.boolean({ error: 'true or false' }).optional(),
      retain: durationText.optional(),
      archive: z.unknown().optional(),
      samples: z
        .strictObject({
          per_tool_and_day: z
            .int({ error: SAMPLES_FORM })
            .min(1, { error: SAMPLES_FORM })
            .max(MOST_SAMPLES, { error: SAMPLES_FORM })
            .optional(),
          retain: durationText.optional(),
        })
        .optional(),
    })
    .optional(),
  approvals: z.strictObject({ retain: durationText.optional() }).optional(),
  sessions: z
    .strictObject({
      openings: z.string({ error: RATE_FORM }).optional(),
      children: z.int({ error: 'a whole number from 1 to 1000' }).min(1).max(1_000).optional(),
    })
    .optional(),
  listen: z.string().optional(),
  public_url: z.string().optional(),
  trusted_proxies: z.array(z.string({ error: PROXIES_FORM }), { error: PROXIES_FORM }).optional(),
  agent_hosts: z.array(z.string({ error: AGENT_HOSTS_FORM }), { error: AGENT_HOSTS_FORM }).optional(),
  data: z.string().min(1).optional(),
  secrets: z
    .string({ error: 'a folder with secrets, one a file' })
    .min(1, { error: 'a folder with secrets, one a file' })
    .optional(),
  max_body: z
    .int({ error: 'bytes, a whole number from 1,024 to 1,073,741,824' })
    .min(1_024)
    .max(1_073_741_824)
    .optional(),
});
export type ConfigShape = z.infer<typeof ConfigShape>;
