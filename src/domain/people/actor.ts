/** A Slack user's id. */
const SLACK = /^[UW][A-Z0-9]{2,20}$/;

/** Whether it is the id of a Slack user, which no login is: ids are in capital letters. */
export function isSlackId(id: string): boolean {
  return SLACK.test(id);
}

/** A person's name in events: by which of their ways they are known, and their id there. */
export function actorOf({ id }: { readonly id: string }): string {
  if (id === 'admin' || id.startsWith('sub:')) return id;
  return isSlackId(id) ? `slack:${id}` : `login:${id}`;
}
