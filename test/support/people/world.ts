import { ADMIN_TOKEN, type ConsoleWorld, consoleWorld } from '../console/browser.ts';
import { freePort } from '../port.ts';
import { Jar, signInAs } from './browserless.ts';
import { CLIENT_SECRET, startProvider, type TestProvider } from './provider.ts';

export interface PeopleWorld extends ConsoleWorld {
  readonly provider: TestProvider;
  /** Signs in and gives the browser; throws where that is refused. */
  signedIn(login: string): Promise<Jar>;
  /** A request of a page of the console. */
  send(jar: Jar, method: string, path: string, body?: object): Promise<Response>;
}

const PEOPLE = `people:
  mira: { slack: U0MIRA, login: mira, roles: [approver] }
  ada: { login: ada, roles: [auditor] }
  olga: { slack: U0OLGA, login: olga, roles: [operator] }
  nobody: { login: nora, roles: [] }
`;

/** A gateway whose people sign in at a real provider. */
export async function peopleWorld(
  options: {
    readonly people?: string;
    /** More members of `oidc`. */
    readonly oidc?: string;
    readonly env?: Record<string, string>;
    readonly provider?: Parameters<typeof startProvider>[1];
    readonly config?: string;
    readonly adminToken?: string | null;
    readonly wholePolicy?: string;
    /** Under the name localhost, where browsers allow passkeys. */
    readonly localhost?: boolean;
    readonly before?: (data: string) => Promise<void>;
  } = {},
): Promise<PeopleWorld> {
  const port = await freePort();
  const url = `http://${options.localhost ? 'localhost' : '127.0.0.1'}:${port}`;
  const provider = await startProvider(url, options.provider);
  for (const login of ['mira', 'ada', 'olga', 'nora', 'stranger'])
    provider.accounts.set(login, { name: `${login} by name`, email: `${login}@example.com`, email_verified: true });
  const world = await consoleWorld({
    adminToken: options.adminToken === undefined ? ADMIN_TOKEN : options.adminToken,
    env: {
      HOLDFAST_LISTEN: `127.0.0.1:${port}`,
      ...(options.localhost ? { HOLDFAST_PUBLIC_URL: url } : {}),
      ...(options.provider?.publicClient ? {} : { HOLDFAST_OIDC_CLIENT_SECRET: CLIENT_SECRET }),
      ...options.env,
    },
    ...(options.wholePolicy === undefined ? {} : { wholePolicy: options.wholePolicy }),
    ...(options.before === undefined ? {} : { before: options.before }),
    config: `${options.people ?? PEOPLE}oidc: { issuer: "${provider.issuer}", client_id: holdfast, scopes: [profile, email, groups]${options.oidc ?? ''} }\n${options.config ?? ''}`,
  }).catch(async (error: unknown) => {
    await provider.close();
    throw error;
  });
  return {
    ...world,
    url,
    provider,
    signedIn: async (login) => {
      const jar = new Jar();
      const answer = await signInAs(jar, url, login);
      const page = await answer.text();
      if (answer.status !== 200)
        throw new Error(`${login}: ${answer.status} ${page.replace(/<[^>]+>/g, ' ').slice(-400)}`);
      return jar;
    },
    send: (jar, method, path, body) =>
      jar.fetch(`${url}${path}`, {
        method,
        headers: { origin: url, ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
        ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
      }),
    close: async () => {
      await world.close();
      await provider.close();
    },
  };
}
