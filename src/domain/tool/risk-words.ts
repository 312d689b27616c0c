import type { Risk } from './risk.ts';

/**
 * What words in the names and descriptions of tools say about their risk. Strong words are verbs wherever they appear;
 * weak ones are nouns just as often (`queue_monitor_checks`), and count only where there is no strong one.
 */

const list = (text: string): string[] => text.trim().split(/\s+/);

const STRONG: readonly (readonly [Risk, readonly string[]])[] = [
  [
    'read',
    list(`get list read search find fetch describe show view lookup retrieve inspect explain browse whoami download
      preview diff validate discover resolve ping echo scrape crawl extract summarize analyze`),
  ],
  [
    'write',
    list(`create add update set put insert edit modify append move rename copy duplicate upload publish unpublish enable
      disable assign unassign invite reply close reopen archive unarchive pause resume restore schedule reschedule
      subscribe unsubscribe push commit fork import sync save store attach detach send write upsert patch apply merge
      cancel complete uncomplete provision toggle fill click type press drag hover select navigate resize handle emulate 
      connect disconnect reconnect compose share replay rotate generate scale forward post submit register approve reject grant deny
      unlock unpin mark rebase cordon uncordon untag react notify configure
      change replace overwrite`),
  ],
  [
    'destructive',
    list(`delete remove destroy purge wipe erase truncate uninstall terminate kill revoke prune cleanup teardown unlink
      rollback reset clear flush drain evict expunge delist deprovision shred nuke trash discard invalidate deactivate
      suspend`),
  ],
  [
    'execute',
    list('install reinstall execute exec eval evaluate invoke deploy redeploy spawn shell bash sudo ssh interact'),
  ],
  ['financial', list('pay charge refund purchase buy checkout payout withdraw donate')],
];

const WEAK: readonly (readonly [Risk, readonly string[]])[] = [
  [
    'read',
    list(`query check count status info logs history tree map test scan watch wait snapshot screenshot export aggregate
      compare stats metrics metadata statistics analytics report overview screencast audit trace take parse research health insights
      docs help values labels targets indexes schema size messages requests build`),
  ],
  [
    'write',
    list(`start stop restart run trigger manage management monitor feedback log record request forward rollout focus open comment label tag
      verify confirm upgrade lock pin emit convert transform`),
  ],
  ['destructive', list('drop force block ban kick')],
  ['financial', list('transfer order')],
];

/** The risk that each verb stands for. */
export const STRONG_VERBS: ReadonlyMap<string, Risk> = new Map(
  STRONG.flatMap(([risk, words]) => words.map((word): [string, Risk] => [word, risk])),
);
export const WEAK_VERBS: ReadonlyMap<string, Risk> = new Map(
  WEAK.flatMap(([risk, words]) => words.map((word): [string, Risk] => [word, risk])),
);

/** Nouns in a tool's name, and names of arguments, that mean that the tool runs text which its caller wrote. */
export const CODE_NOUNS: ReadonlySet<string> = new Set(
  list('sql code script command commands cmd shell bash javascript python expression migration generic process repl'),
);
export const CODE_ARGUMENTS: ReadonlySet<string> = new Set(
  list('sql code script command commands cmd shell javascript python expression function args argv'),
);

export const MONEY_NOUNS: ReadonlySet<string> = new Set(
  list('payment payments invoice refund charge payout checkout billing purchase dispute'),
);

/** Credentials. */
export const SECRET =
  /\b(api keys?|access keys?|(signing |client |shared )?secrets?|access tokens?|tokens?|credentials?|passwords?|private keys?|ssh keys?|connection strings?|dsn|environment variables|env vars?|env)\b/;
export const HARMLESS_SECRET = /\b(publishable|public|anon)\b|\btoken (count|usage|limit)/;
/** What gives other people access, or sends data to a place of the caller's choice. */
export const ACCESS =
  /\b(webhooks?|access lists?|db users?|database users?|permissions?|role bindings?|collaborators?|shared? links?|service accounts?|oauth|auth|domain claims?|claim)\b/;

/** Messages that cannot be recalled once sent. */
export const OUTWARD = /\b(emails?|mails?|sms|broadcasts?|newsletters?|campaigns?|tweets?)\b/;

/** Warnings in a description that count more than a harmless name. */
export const RUIN =
  /\b(permanently (delete|remove|erase)|(can ?not|can't) be undone|irreversibl|completely overwrite|will be lost|data loss|destroys? all|wipes? )/;

/**
 * Words by which a description calls its tool destructive, wherever it does; not where it says that it is not, or what
 * another tool does.
 */
export const DESTROYING =
  /(?<!\b(?:non|not|never|no|without|isn't|avoid|avoids|prevent|prevents|instead of)[ -](?:be |being |a |any )?)\b(?:destructive|overwrit(?:e|es|ing|ten)|irreversibl[ey]|permanently (?:delet|remov|eras|destroy)\w*|can(?:not|'t| not) be (?:undone|reverted|recovered|restored)|data loss|will be (?:lost|deleted|erased)|wipes?|deletes|removes|erases|destroys|discards)\b/;

/** Containers: to lose one is to lose everything in it. */
export const WHOLES: ReadonlySet<string> = new Set(
  list(`project database db cluster account organization org workspace repository repo bucket domain namespace table
    collection server instance volume tenant many all batch bulk`),
);
