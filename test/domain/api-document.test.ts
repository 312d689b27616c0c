import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Hono } from 'hono';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { api } from '../../src/web/api/api.ts';
import { auditApi } from '../../src/web/api/audit-api.ts';
import { health } from '../../src/web/http/health.ts';
import { Meters } from '../../src/web/http/meters.ts';
import { metrics } from '../../src/web/http/metrics.ts';
import { policySchemaRoute } from '../../src/web/http/policy-schema.ts';
import { API_ROUTES } from '../../src/web/openapi/api-routes.ts';
import { errorWords, openApi, openApiRoute } from '../../src/web/openapi/openapi.ts';

/** Nothing is asked of it: routes are only registered. */
const gateway = {} as Gateway;
const nobody = () => '127.0.0.1';

/** `GET /api/approvals/{id}` for every route of the program's own doors. */
function registered(): string[] {
  const grants = { grants: () => [], records: {} as never, revocations: {} as never };
  const app = new Hono()
    .route('/', auditApi({ gateway, records: {} as never, adminToken: null }))
    .route(
      '/',
      api({
        gateway,
        adminToken: null,
        addressOf: nobody,
        grants,
        records: {} as never,
        replays: {} as never,
        people: {} as never,
        drawOversight: async () => '',
      }),
    )
    .route('/', health(gateway))
    .route('/', metrics({ gateway, meters: new Meters(), adminToken: null, addressOf: nobody, hosts: () => new Set() }))
    .route(
      '/',
      policySchemaRoute(() => ({})),
    )
    .route('/', openApiRoute());
  return [
    ...new Set(
      app.routes
        .filter(({ method }) => method !== 'ALL')
        .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`),
    ),
  ].sort();
}

describe('the description of the API', () => {
  const page = readFileSync('docs/api.md', 'utf8');

  test('has every route of the program, and no other', () => {
    const described = API_ROUTES.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort();
    assert.deepEqual(described, registered());
  });

  test('several are refused with the words of one, and an answer with a body of its own says which', () => {
    const wordsOf = (path: string): readonly string[] => errorWords(API_ROUTES.find((one) => one.path === path)!, 403);
    const alone = wordsOf('/api/approvals/{id}/decisions');
    const several = wordsOf('/api/decisions');
    assert.deepEqual(
      several.filter((word) => !alone.includes(word)),
      [],
    );
    assert.ok(several.includes('own_call') && several.includes('broken'), several.join());
    const { paths } = openApi() as { paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };
    const description = JSON.stringify(paths['/api/decisions']?.post?.responses[403]);
    for (const word of several.filter((one) => !['closed', 'forbidden', 'role'].includes(one)))
      assert.match(description, new RegExp(`\\b${word}\\b`));
  });

  test('is docs/openapi.json, word for word', () => {
    const made = `${JSON.stringify(openApi(), null, 2)}\n`;
    assert.equal(readFileSync('docs/openapi.json', 'utf8'), made, 'node test/support/write-openapi.ts makes it anew');
  });

  test('gives every operation a name of its own', () => {
    const names = [...JSON.stringify(openApi()).matchAll(/"operationId":"(\w+)"/g)].map(([, name]) => name);
    assert.equal(new Set(names).size, API_ROUTES.length);
  });

  test('and docs/api.md has every route with its query and its words of refusal', () => {
    for (const route of API_ROUTES) {
      const { method, path, query = [], errors = {} } = route;
      const at = page.indexOf(`\`${method.toUpperCase()} ${path}\``);
      assert.ok(at >= 0, `${method} ${path}`);
      for (const { name } of query) assert.match(page, new RegExp(`\`${name}\``), `${path}?${name}`);
      for (const status of Object.keys(errors)) {
        for (const word of errorWords(route, Number(status))) assert.match(page, new RegExp(`\`${word}\``), word);
      }
    }
  });

  test('no route is in docs/api.md that does not exist', () => {
    const known = new Set(API_ROUTES.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    for (const [, method, path] of page.matchAll(
      /`(GET|POST|DELETE) (\/(?:api|healthz|readyz|metrics|schema)[^\s`?]*)/g,
    ))
      assert.ok(known.has(`${method} ${path}`), `${method} ${path}`);
  });

  test('has every word that the code refuses with', () => {
    const described = new Set(
      API_ROUTES.flatMap((route) =>
        [400, 401, 403, 404, 409, 429, 500, 503].flatMap((status) => errorWords(route, status)),
      ),
    );
    const said = globSync('src/web/{api,http}/*.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/(?:fault\(\s*c,\s*\d+,|error:) '(\w+)'/g)].map(([, word = '']) => word),
    );
    assert.ok(said.length > 20);
    assert.deepEqual(
      said.filter((word) => !described.has(word)),
      [],
    );
  });
});
