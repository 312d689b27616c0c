import { guessable, patterned, TOKEN_RULE } from '../text/guessable.ts';
import { REDIS_FORM, readRedisAddress } from '../text/redis-address.ts';
import { isNow } from './document/shape.ts';
import { type Environment, inEnvironment, type ReportFault } from './environment.ts';
import { type Proxies, readProxies } from './proxies.ts';
import { type ReadSecretFile, secretFrom } from './secret-from.ts';

/** How events are written for the webhook: as the export's lines, or as OCSF's API Activity. */
export type WebhookForm = 'holdfast' | 'ocsf';

/** What must never be logged; kept apart from the settings so that nobody does so by accident. */
export interface Secrets {
  /** Newest first. Empty: none was given; only embedded mode may then make one. */
  readonly secrets: readonly string[];
  readonly adminToken: string | null;
  /** Of the client at the OpenID provider; null or absent: it is a public client. */
  readonly oidcClientSecret?: string | null;
  /** Of the client that asks the provider about agents' access tokens (`oauth.introspection`). */
  readonly oauthClientSecret?: string | null;
  readonly databaseUrl: string | null;
  /** The same database without the pooler through which `databaseUrl` leads; null: there is none. */
  readonly databaseDirectUrl: string | null;
  readonly redisUrl: string | null;
  readonly slackBotToken: string | null;
  readonly slackSigningSecret: string | null;
  readonly slackAppToken: string | null;
  /** Where events are sent, and the secret that signs them; null: nowhere. The address may contain a token. */
  readonly auditWebhook: { readonly url: string; readonly secret: string; readonly form: WebhookForm } | null;
  /** HTTP proxies on the way out. Their addresses may hold a password. */
  readonly proxies: Proxies;
}

const SHORTEST_SECRET = 32;
const SHORTEST_SHARED = 16;
const SECRET_RULE =
  '32 random bytes or more: openssl rand -base64 32; to keep what a weak one sealed, set new,old (docs/operations.md)';

/** What reading secrets depends on. */
interface SecretReading {
  readonly env: Environment;
  readonly readSecret?: ReadSecretFile | undefined;
  /** As in `SecretSource`. */
  readonly folder: string | null;
  /** Where cards would go, because an incomplete Slack set-up is a fault. */
  readonly channel: string | null;
  readonly wrong: ReportFault;
  /** Gets what is accepted but looks like a mistake. */
  readonly warn: ReportFault;
}

/** A secret of this name; null: it is not given. */
type NamedSecret = (name: string) => string | null;

/** Reads the secrets from the environment and from the files that it names. */
export function readSecrets({ channel, wrong, warn, ...source }: SecretReading): Secrets {
  const given: NamedSecret = (name) => secretFrom(source, name, wrong, warn);
  const databaseUrl = urlIn(given, 'DATABASE_URL', POSTGRES, POSTGRES_FORM, wrong);
  const secrets: Secrets = {
    secrets: secretsOf(given, databaseUrl !== null, wrong, warn),
    adminToken: adminTokenOf(given, wrong),
    oidcClientSecret: given('HOLDFAST_OIDC_CLIENT_SECRET'),
    oauthClientSecret: given('HOLDFAST_OAUTH_CLIENT_SECRET'),
    databaseUrl,
    databaseDirectUrl: directUrlOf(given, databaseUrl, wrong),
    redisUrl: redisUrlIn(given, wrong),
    slackBotToken: prefixed(given, 'SLACK_BOT_TOKEN', 'xoxb-', warn),
    slackSigningSecret: given('SLACK_SIGNING_SECRET'),
    slackAppToken: prefixed(given, 'SLACK_APP_TOKEN', 'xapp-', warn),
    auditWebhook: auditWebhookOf(source.env, given, wrong, warn),
    proxies: readProxies(source.env, wrong),
  };
  requireSlackWhole(secrets, channel, wrong);
  return secrets;
}

function redisUrlIn(given: NamedSecret, wrong: ReportFault): string | null {
  const text = given('REDIS_URL');
  if (text !== null && readRedisAddress(text) === null) wrong('REDIS_URL', 'is not a URL of this form', REDIS_FORM);
  return text;
}

const POSTGRES = /^postgres(ql)?:$/;
const POSTGRES_FORM = 'postgres://user:password@host/database';

function directUrlOf(given: NamedSecret, databaseUrl: string | null, wrong: ReportFault): string | null {
  const name = 'DATABASE_DIRECT_URL';
  const direct = urlIn(given, name, POSTGRES, POSTGRES_FORM, wrong);
  if (direct !== null && databaseUrl === null) wrong(name, 'is set alone', 'DATABASE_URL as well, or neither');
  return direct;
}

/** Reads a URL that may contain a password, so its value is never repeated. */
function urlIn(given: NamedSecret, name: string, scheme: RegExp, expected: string, wrong: ReportFault): string | null {
  const text = given(name);
  if (text !== null && !(URL.canParse(text) && scheme.test(new URL(text).protocol))) {
    wrong(name, 'is not a URL of this form', expected);
  }
  return text;
}

function secretsOf(given: NamedSecret, shared: boolean, wrong: ReportFault, warn: ReportFault): readonly string[] {
  const text = given('HOLDFAST_SECRET');
  if (text === null) {
    if (shared) wrong('HOLDFAST_SECRET', 'is not set', 'a secret of 32 bytes or more, because DATABASE_URL is set');
    return [];
  }
  const list = text.split(',').map((secret) => secret.trim());
  if (list.some((secret) => Buffer.byteLength(secret) < SHORTEST_SECRET)) {
    wrong('HOLDFAST_SECRET', 'contains a secret that is too short', 'one secret, or new,old, each of 32 bytes or more');
  }
  const [newest = '', ...older] = list;
  const weakness = Buffer.byteLength(newest) < SHORTEST_SECRET ? null : patterned(newest);
  if (weakness !== null) warn('HOLDFAST_SECRET', weakness, SECRET_RULE);
  // An older one opens what it sealed; refusing it would keep people from putting a better one in front of it.
  if (older.some((secret) => patterned(secret) !== null)) {
    warn('HOLDFAST_SECRET', 'has an older secret that can be guessed', 'the newer alone, as soon as nothing needs it');
  }
  const distinct = [...new Set(list)];
  if (distinct.length < list.length) warn('HOLDFAST_SECRET', 'contains a secret twice', 'each secret once');
  return distinct;
}

/** Whoever guesses it reads everything, and decides where a group lists `admin`: a weak one is refused. */
function adminTokenOf(given: NamedSecret, wrong: ReportFault): string | null {
  const token = given('HOLDFAST_ADMIN_TOKEN');
  const weakness = token === null ? null : guessable(token);
  if (weakness !== null) wrong('HOLDFAST_ADMIN_TOKEN', weakness, TOKEN_RULE);
  return token;
}

function prefixed(given: NamedSecret, name: string, prefix: string, warn: ReportFault): string | null {
  const token = given(name);
  if (token !== null && !token.startsWith(prefix))
    warn(name, 'looks like another kind of token', `one that starts with ${prefix}`);
  return token;
}

function auditWebhookOf(
  env: Environment,
  given: NamedSecret,
  wrong: ReportFault,
  warn: ReportFault,
): Secrets['auditWebhook'] {
  const [name, shared] = ['HOLDFAST_AUDIT_WEBHOOK', 'HOLDFAST_AUDIT_WEBHOOK_SECRET'];
  const url = urlIn(given, name, /^https?:$/, 'an http or https URL', wrong);
  const secret = given(shared);
  if (url === null) {
    if (secret !== null) warn(shared, 'signs nothing', `${name} as well, or neither`);
    return null;
  }
  if (secret === null || secret.length < SHORTEST_SHARED) {
    const message = secret === null ? 'is not set' : 'is too short';
    wrong(shared, message, `${SHORTEST_SHARED} characters or more, because ${name} is set: it signs what is sent`);
  }
  return { url, secret: secret ?? '', form: webhookForm(env, wrong) };
}

function webhookForm(env: Environment, wrong: ReportFault): WebhookForm {
  const form = inEnvironment(env, 'HOLDFAST_AUDIT_WEBHOOK_FORM') ?? 'holdfast';
  if (form === 'holdfast' || form === 'ocsf') return form;
  wrong('HOLDFAST_AUDIT_WEBHOOK_FORM', isNow(form), 'holdfast or ocsf');
  return 'holdfast';
}

/** An incomplete Slack set-up would post cards that nobody sees or can click. */
function requireSlackWhole(secrets: Secrets, channel: string | null, wrong: ReportFault): void {
  const canHear = secrets.slackSigningSecret !== null || secrets.slackAppToken !== null;
  if (secrets.slackBotToken !== null && !canHear) {
    wrong(
      'SLACK_SIGNING_SECRET',
      'is not set',
      'the signing secret, or SLACK_APP_TOKEN for Socket Mode, because SLACK_BOT_TOKEN is set',
    );
  }
  if (secrets.slackBotToken !== null && channel === null) {
    wrong(
      'SLACK_CHANNEL',
      'is not set',
      'a channel, here or as slack.channel in the config, because SLACK_BOT_TOKEN is set',
    );
  }
  if (secrets.slackBotToken === null && canHear) {
    wrong('SLACK_BOT_TOKEN', 'is not set', 'a bot token, because other Slack settings are set');
  }
}
