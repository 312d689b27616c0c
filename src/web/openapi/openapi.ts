import { Hono } from 'hono';
import { API_ROUTES, type ApiRoute } from './api-routes.ts';
import { aText, ref, type Schema } from './schema-words.ts';
import { SCHEMAS } from './schemas.ts';

const OPENAPI_PATH = '/openapi.json';

/** Words in `error` that every route of a kind may answer with, by status. */
const ALWAYS: Readonly<Record<ApiRoute['auth'], Readonly<Record<number, readonly string[]>>>> = {
  admin: {
    401: ['unauthorized'],
    403: ['closed', 'forbidden', 'role'],
    429: ['too_many_guesses'],
    500: ['failed'],
    503: ['unavailable'],
  },
  token: {
    401: ['unauthorized'],
    403: ['closed', 'forbidden', 'role'],
    429: ['too_many_guesses'],
    500: ['failed'],
    503: ['unavailable'],
  },
  local: {},
  none: {},
};

const SECURITY: Readonly<Record<ApiRoute['auth'], readonly Schema[]>> = {
  admin: [{ adminToken: [] }, { personalToken: [] }, { console: [] }],
  token: [{ adminToken: [] }, { personalToken: [] }, { console: [] }],
  // Without a token for processes on this machine.
  local: [{}, { adminToken: [] }],
  none: [],
};

/** The API's description as an OpenAPI 3.1 document. It says nothing of the gateway that serves it. */
export function openApi(): Schema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of API_ROUTES) {
    const operations = paths[route.path] ?? {};
    operations[route.method] = operationOf(route);
    paths[route.path] = operations;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version: '1',
      description:
        'The API of a Holdfast gateway: approvals, freezes, grants, people and the audit log. See docs/api.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8787' }],
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        adminToken: { type: 'http', scheme: 'bearer', description: 'HOLDFAST_ADMIN_TOKEN of the gateway.' },
        personalToken: { type: 'http', scheme: 'bearer', description: 'A person’s own token, made in the console.' },
        console: { type: 'apiKey', in: 'cookie', name: 'holdfast_session', description: 'A login at the console.' },
      },
    },
  };
}

function operationOf(route: ApiRoute): Schema {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string', maxLength: 256 } })),
    ...(route.query ?? []).map(({ name, says, schema }) => ({ name, in: 'query', description: says, schema })),
  ];
  return {
    operationId: operationIdOf(route),
    summary: route.says,
    security: SECURITY[route.auth],
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: responsesOf(route),
  };
}

/** `postApprovalsIdDecisions`: what generated clients call the operation. */
function operationIdOf({ method, path }: ApiRoute): string {
  const words = path.replace(/^\/api\//, '/').match(/[A-Za-z]+/g) ?? [];
  return `${method}${words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join('')}`;
}

function responsesOf({ answers, errors = {}, auth }: ApiRoute): Schema {
  const responses: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(answers)) {
    const content = typeof answer === 'string' ? { [answer]: {} } : { 'application/json': { schema: answer } };
    const words = errors[Number(status)] ?? [];
    const refused =
      words.length === 0 ? 'The state is in the answer.' : `Refused: ${words.join(', ')}. The answer says more.`;
    responses[status] = { description: Number(status) < 300 ? 'Done.' : refused, content };
  }
  for (const status of refusalStatuses(auth, errors)) {
    if (answers[status] !== undefined) continue;
    const words = errorWords({ answers, errors, auth }, status);
    const schema = { allOf: [ref('Refusal'), { properties: { error: { ...aText(), enum: words } } }] };
    responses[status] = { description: `Refused: ${words.join(', ')}.`, content: { 'application/json': { schema } } };
  }
  return responses;
}

function refusalStatuses(auth: ApiRoute['auth'], errors: NonNullable<ApiRoute['errors']>): number[] {
  return [...new Set([...Object.keys(errors), ...Object.keys(ALWAYS[auth])].map(Number))].sort((a, b) => a - b);
}

/** The words that `error` may have with this status. */
export function errorWords(route: Pick<ApiRoute, 'answers' | 'errors' | 'auth'>, status: number): readonly string[] {
  return [...new Set([...(route.errors?.[status] ?? []), ...(ALWAYS[route.auth][status] ?? [])])];
}

/** `GET /openapi.json`. It reveals nothing about this gateway, so it is public, like the schema of policies. */
export function openApiRoute(): Hono {
  let document: Schema | null = null;
  return new Hono().get(OPENAPI_PATH, (c) => {
    document ??= openApi();
    return c.json(document, 200, { 'cache-control': 'public, max-age=3600' });
  });
}
