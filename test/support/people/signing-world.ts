import { ADMIN_TOKEN } from '../console/browser.ts';
import { SoftPasskey, type Tampering } from './authenticator.ts';
import type { Jar } from './browserless.ts';
import { type PeopleWorld, peopleWorld } from './world.ts';

/** The first line goes on with the groups of approvers. */
export const SIGNERS = `  others: [alex]
people:
  mira: { slack: U0MIRA, login: mira, roles: [approver] }
  alex: { slack: U0ALEX, login: alex, roles: [approver, operator] }
  ada: { login: ada, roles: [auditor] }
  olga: { slack: U0OLGA, login: olga, roles: [operator] }
`;

/** Approvers are Mira, Alex, and whoever holds the admin token. */
const POLICY = `version: "1"
default: deny
tools:
  query: { risk: read }
  create_api_key: { risk: write, severity: critical, action: require_approval, approval: { approvers: [security, others] } }
`;
export interface SigningWorld extends PeopleWorld {
  /** The newest pending approval, once there is one more than those that are known. */
  asked(known: ReadonlySet<string>): Promise<string>;
  /** Adds a passkey, and has a second person register it. */
  registered(jar: Jar, by: Jar, name?: string): Promise<SoftPasskey>;
  /** Adds a passkey that nobody has registered. */
  added(jar: Jar, wrong?: Tampering): Promise<{ readonly passkey: SoftPasskey; readonly answer: Response }>;
  /** What is to be signed for this approval. */
  challenge(
    jar: Jar,
    approval: string,
  ): Promise<{ readonly nonce: string; readonly publicKey: { readonly challenge: string } }>;
  /** Asks for it, signs it, and sends that. */
  signed(jar: Jar, approval: string, passkey: SoftPasskey, wrong?: Tampering): Promise<Response>;
  approval(id: string): Promise<{
    readonly state: string;
    readonly note: string | null;
    readonly arguments: { readonly name: string };
    readonly decisions: readonly object[];
    readonly requirement: object;
  }>;
  admin(method: string, path: string, body?: object): Promise<Response>;
}

/** People who sign critical calls at a gateway under the name localhost. */
export async function signingWorld(options: Parameters<typeof peopleWorld>[0] = {}): Promise<SigningWorld> {
  const world = await peopleWorld({ localhost: true, people: SIGNERS, wholePolicy: POLICY, ...options });
  world.provider.accounts.set('alex', { name: 'alex by name' });
  const admin: SigningWorld['admin'] = (method, path, body) =>
    fetch(`${world.running.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
    });
  const challenge: SigningWorld['challenge'] = async (jar, approval) => {
    const answer = await world.send(jar, 'POST', `/api/approvals/${approval}/challenge`);
    if (answer.status !== 200) throw new Error(`no challenge: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Awaited<ReturnType<SigningWorld['challenge']>>;
  };
  const added: SigningWorld['added'] = async (jar, wrong) => {
    const asked = await world.send(jar, 'POST', '/api/keys/challenge');
    if (asked.status !== 200) throw new Error(`no challenge: ${asked.status} ${await asked.text()}`);
    const { nonce, publicKey } = (await asked.json()) as { nonce: string; publicKey: { challenge: string } };
    const passkey = new SoftPasskey(world.url);
    const credential = passkey.make(publicKey.challenge, wrong);
    return { passkey, answer: await world.send(jar, 'POST', '/api/keys', { name: 'a key', nonce, credential }) };
  };
  return {
    ...world,
    admin,
    challenge,
    added,
    asked: async (known) => {
      for (let tries = 0; tries < 300; tries += 1) {
        const { items } = (await (await admin('GET', '/api/approvals?state=pending')).json()) as {
          items: { id: string }[];
        };
        const fresh = items.find(({ id }) => !known.has(id));
        if (fresh !== undefined) return fresh.id;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error('nothing was asked');
    },
    registered: async (jar, by) => {
      const { passkey, answer } = await added(jar);
      if (answer.status !== 201) throw new Error(`not added: ${answer.status} ${await answer.text()}`);
      const registered = await world.send(by, 'POST', `/api/keys/${passkey.name}/register`);
      if (registered.status !== 200) throw new Error(`not registered: ${registered.status} ${await registered.text()}`);
      return passkey;
    },
    signed: async (jar, approval, passkey, wrong) => {
      const { nonce, publicKey } = await challenge(jar, approval);
      return world.send(jar, 'POST', `/api/approvals/${approval}/signatures`, {
        nonce,
        credential: passkey.use(publicKey.challenge, wrong),
      });
    },
    approval: async (id) => (await admin('GET', `/api/approvals/${id}`)).json() as never,
  };
}
