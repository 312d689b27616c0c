import { decidersOf } from '../config/deciders.ts';
import type { Loaded } from '../config/load.ts';

/** How approvals are decided where Slack is not set up. */
export function decidedWithoutSlack(loaded: Loaded): string {
  const deciders = decidersOf(loaded);
  switch (deciders.kind) {
    case 'nothing is asked':
      return 'no policy requires approval';
    case 'nobody':
      return 'nobody can approve the calls that need approval';
    case 'somebody':
      return 'calls are approved in the console, on the command line or over the API';
    default:
      return deciders satisfies never;
  }
}
