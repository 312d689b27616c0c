import { stringify } from 'yaml';

/** Scopes that the app needs, each with its purpose. */
export const REQUIRED_SCOPES: Readonly<Record<string, string>> = {
  'chat:write': 'post and update the cards',
  'users:read': 'tell members from guests, bots and outsiders',
  'usergroups:read': 'know who is in a user group that may approve',
  'channels:read': 'see that a public channel is not shared with outsiders',
  'groups:read': 'see that a private channel is not shared with outsiders',
  'im:write': 'write to approvers directly',
};

/** Scopes that the app works better with. */
export const OPTIONAL_SCOPES: Readonly<Record<string, string>> = {
  'channels:history': 'find a card whose post was not answered, instead of posting it twice (public channels)',
  'groups:history': 'find a card whose post was not answered, instead of posting it twice (private channels)',
  commands: 'let operators freeze and thaw by the shortcuts of the app',
};

/** The `callback_id` of the shortcut on a message, and of the one from anywhere. Both open the same window. */
export const MESSAGE_SHORTCUT = 'freeze';
export const GLOBAL_SHORTCUT = 'freeze_anywhere';
const STOP_DESCRIPTION = 'For operators: stop what agents send, or lift a stop';

export interface ManifestOptions {
  /** The address at which Slack reaches the gateway, without a trailing slash; null for Socket Mode. */
  readonly publicUrl: string | null;
  readonly name?: string;
}

/** The app's manifest in YAML, to be pasted at https://api.slack.com/apps → "From a manifest". */
export function slackManifest({ publicUrl, name = 'Holdfast' }: ManifestOptions): string {
  const http = publicUrl === null ? {} : { request_url: `${publicUrl}/slack/events` };
  return stringify({
    display_information: {
      name,
      description: "Holds AI agents' tool calls until a person approves them",
      background_color: '#1f2937',
    },
    features: {
      app_home: { home_tab_enabled: true, messages_tab_enabled: true, messages_tab_read_only_enabled: true },
      bot_user: { display_name: name, always_online: true },
      shortcuts: [
        { name: 'Freeze or thaw…', type: 'message', callback_id: MESSAGE_SHORTCUT, description: STOP_DESCRIPTION },
        { name: 'Freeze or thaw…', type: 'global', callback_id: GLOBAL_SHORTCUT, description: STOP_DESCRIPTION },
      ],
    },
    oauth_config: { scopes: { bot: [...Object.keys(REQUIRED_SCOPES), ...Object.keys(OPTIONAL_SCOPES)] } },
    settings: {
      interactivity: { is_enabled: true, ...http },
      event_subscriptions: { ...http, bot_events: ['app_home_opened'] },
      // Needed where an Enterprise Grid organisation installs the app on several workspaces; changes nothing elsewhere.
      org_deploy_enabled: true,
      socket_mode_enabled: publicUrl === null,
      token_rotation_enabled: false,
    },
  });
}
