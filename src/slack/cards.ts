import type { Cards } from '../ports.ts';
import type { People } from './people/people.ts';
import { personNow } from './people/person-now.ts';
import { CardPoster, type CardPosterOptions } from './post/card-poster.ts';
import type { Rush } from './wire/rush.ts';

export interface SlackCardsOptions extends CardPosterOptions {
  /** The people of the home that counts at the moment. */
  readonly people: () => People;
  /** The clicks that cards give way to; absent: none. */
  readonly rush?: Rush | undefined;
}

/** The port `Cards`, in Slack. */
export function slackCards(options: SlackCardsOptions): Cards {
  const poster = new CardPoster(options);
  return {
    show: async (approval, stored, beside) => {
      await options.rush?.calm();
      return poster.show(approval, stored, beside);
    },
    calm: () => options.rush?.calm(),
    placeKey: (approval) => poster.placeKey(approval),
    isGone: (at) => poster.isGone(at),
    person: (user, userGroups, each) => personNow(options.people(), user, userGroups, each),
    crowded: (call, crowd) => poster.crowded(call, crowd),
    tell: (line) => poster.tell(line),
    remindPerson: (approval, at, user) => poster.remindPerson(approval, at, user),
  };
}
