import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approver } from '../../src/domain/approval/approval.ts';
import { type Ender, type EndingGateway, revokeAllowance, revokeDenial } from '../../src/gateway/allowance/end.ts';
import { Unavailable } from '../../src/ports.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';

const place = { approval: 'ap_source', grant: 'release-bot', server: 'prometheus', tool: 'create_api_key' };
const given = { ...place, id: 'al_1', by: ['U0MIRA'], bounds: { calls: 5 }, used: 0 };
const denied = { ...place, id: 'sd_1', by: 'U0MIRA' };

/** What the doors for the console and for tokens hand in. `groups`: what Slack says; null: it is away. */
async function ending(id: string, groups: readonly string[] | null, operators: readonly string[] = []) {
  const source = sampleApproval({ id: 'ap_source', state: 'succeeded', requirement: { userGroups: ['S0ONCALL'] } });
  const refused: string[] = [];
  let asked = 0;
  const ended = async () => ({ kind: 'ended', it: given });
  const gateway = {
    allowances: { find: async () => given, end: ended },
    denials: { find: async () => denied, end: ended },
    cards: null,
    clock: { now: () => OPENED },
    knownInAdvance: { refreshSoon: async () => undefined },
    storeWatch: { tellSets: async () => undefined },
    rules: { isOperator: (who: string) => operators.includes(who), approvers: () => currentOf(source) },
    store: {
      find: async () => source,
      append: async ([event]: { actor: string }[]) => void refused.push(event!.actor),
    },
  } as unknown as EndingGateway;
  const approver: Approver = { id, via: 'api', userGroups: [] };
  const by: Ender = {
    ...approver,
    inGroups: async () => {
      asked += 1;
      if (groups === null) throw new Unavailable('slack', 'Slack did not say who is in the group');
      return { ...approver, userGroups: groups };
    },
  };
  const both = async () => [await revokeAllowance(gateway, 'al_1', by), await revokeDenial(gateway, 'sd_1', by)];
  return { both: async () => (await both()).map(({ kind }) => kind), refused, asked: () => asked };
}

test('P1: who may approve by a user group of Slack ends what was given in advance in the console and by a token, too', async () => {
  const member = await ending('U0RITA', ['S0ONCALL']);
  assert.deepEqual(await member.both(), ['ended', 'ended']);
  const other = await ending('U0EVE', []);
  assert.deepEqual(await other.both(), ['not_allowed', 'not_allowed']);
  assert.deepEqual(other.refused, ['slack:U0EVE', 'slack:U0EVE']);
});

test('P6: whom no group has to let end it needs no answer of Slack; everybody else waits for it', async () => {
  // Who gave it or is named, the owner, an operator, the admin token.
  for (const id of ['U0MIRA', 'U0ALEX', 'U0SAM', 'U0OPS', 'admin']) {
    const away = await ending(id, null, ['U0OPS']);
    assert.deepEqual(await away.both(), ['ended', 'ended'], id);
    assert.equal(away.asked(), 0, id);
  }
  const away = await ending('U0RITA', null);
  await assert.rejects(away.both(), /who is in the group/);
  assert.deepEqual(away.refused, [], 'nothing is refused that cannot be known');
});
