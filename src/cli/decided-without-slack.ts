import { decidersOf } from '../config/deciders.ts';
import type { Loaded } from '../config/load.ts';

/** How approvals are decided where Slack is not set up. */
export function decidedWithoutSlack(loaded: Loaded): string {
  const deciders = decidersOf(loaded);
  switch (deciders.kind) {
    case 'nothing is asked':
      return 'no policy asks for an approval';
    case 'nobody':
      return 'nobody can approve what the policies ask about';
    case 'somebody':
      return 'approvals are decided in the console, on the command line and over the API';
    default:
      return deciders satisfies never;
  }
}
