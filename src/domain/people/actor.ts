/** A Slack user's id. */
const SLACK = /^[UW][A-Z0-9]{2,20}$/;

/** A person's name in events: by which of their ways they are known, and their id there. */
export function actorOf({ id }: { readonly id: string }): string {
  if (id === 'admin' || id.startsWith('sub:')) return id;
  return SLACK.test(id) ? `slack:${id}` : `login:${id}`;
}
