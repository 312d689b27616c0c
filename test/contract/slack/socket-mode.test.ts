import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import { doorWorld } from '../../support/slack/door-world.ts';

describe('Socket Mode', () => {
  test('connects once Slack can be reached, and again when Slack asks for it', async () => {
    const slack = await startSlackStandIn({ rates: false });
    slack.down = true;
    const opening = doorWorld({ transport: 'socket', deps: { apiUrl: slack.apiUrl } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    slack.down = false;
    const world = await opening;
    try {
      assert.equal(slack.connections, 1);
      const asked = () => slack.requests.filter((r) => r.method === 'apps.connections.open').length;
      const before = asked();
      slack.refreshSockets();
      await slack.waitFor(() => asked() > before && slack.connections === 1, 5000);
    } finally {
      await world.close();
      await slack.close();
    }
  });
});
