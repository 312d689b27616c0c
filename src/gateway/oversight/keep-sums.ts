import { NO_SUBJECT } from '../../domain/log/event.ts';
import { additionsOf, OVERSIGHT_TERMS, oversightAlarms } from '../../domain/log/oversight.ts';
import { lastDays } from '../../domain/log/period.ts';
import { DAY_MS } from '../../time/day.ts';
import type { Gateway } from '../gateway.ts';

/** Events that are looked at in one statement, and how many times in one sweep: a log of a million is caught up with in some minutes. */
const AT_ONCE = 2_000;
const TIMES = 10;
/** Milliseconds between two looks at who is to be told of, and after which somebody is told of again. */
const LOOK_MS = 3_600_000;
/** Sums of an earlier secret that are sealed anew at a look. */
const MOST_RESEALED = 1_000;

/** Counts what the chain has got since, and once an hour tells of approvers who decide too fast or approve whatever comes. */
export async function keepOversight(
  gateway: Pick<Gateway, 'clock' | 'log' | 'oversight' | 'rules' | 'store'>,
): Promise<void> {
  const { oversight, store } = gateway;
  let looked = AT_ONCE;
  for (let time = 0; time < TIMES && looked === AT_ONCE; time += 1)
    looked = await oversight.count(AT_ONCE, additionsOf);
  // While it catches up, shares would be of half of the days.
  if (looked < AT_ONCE && (await store.claimNotice('oversight', LOOK_MS))) await raiseAlarms(gateway);
}

/** Each alarm is an event, once in as many days as it is about. */
async function raiseAlarms({
  clock,
  log,
  oversight,
  rules,
  store,
}: Parameters<typeof keepOversight>[0]): Promise<void> {
  const terms = rules.oversight ?? OVERSIGHT_TERMS;
  await oversight.reseal(MOST_RESEALED);
  const at = clock.now();
  const { people } = await oversight.report(lastDays(terms.days, at));
  for (const alarm of oversightAlarms(people, terms)) {
    const notice = `oversight ${alarm.kind} ${alarm.person}`;
    if (!(await store.claimNotice(notice, terms.days * DAY_MS))) continue;
    try {
      await store.append([
        { ...NO_SUBJECT, type: 'oversight.alarmed', at, actor: 'holdfast', data: { ...alarm, days: terms.days } },
      ]);
      log.warn({ ...alarm }, 'an approver decides very fast, or approves nearly everything');
    } catch (error) {
      await store.releaseNotice(notice);
      throw error;
    }
  }
}
