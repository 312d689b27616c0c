import advance from '../../web/assets/advance.js';
import app from '../../web/assets/app.js';
import batch from '../../web/assets/batch.js';
import countdown from '../../web/assets/countdown.js';
import counter from '../../web/assets/counter.js';
import decide from '../../web/assets/decide.js';
import erase from '../../web/assets/erase.js';
import explain from '../../web/assets/explain.js';
import freeze from '../../web/assets/freeze.js';
import guard from '../../web/assets/guard.js';
import hold from '../../web/assets/hold.js';
import icon from '../../web/assets/icon.svg';
import keys from '../../web/assets/keys.js';
import live from '../../web/assets/live.js';
import localtime from '../../web/assets/localtime.js';
import merge from '../../web/assets/merge.js';
import nav from '../../web/assets/nav.js';
import notify from '../../web/assets/notify.js';
import passkey from '../../web/assets/passkey.js';
import print from '../../web/assets/print.js';
import revoke from '../../web/assets/revoke.js';
import say from '../../web/assets/say.js';
import sign from '../../web/assets/sign.js';
import signInLink from '../../web/assets/sign-in-link.js';
import snooze from '../../web/assets/snooze.js';
import style from '../../web/assets/style.css';
import switches from '../../web/assets/switch.js';
import theme from '../../web/assets/theme.js';
import token from '../../web/assets/token.js';
import type { ConsoleAsset } from '../../web/console/context.ts';
import { assetsOf } from '../console/assets.ts';

/** The console's files where there is no disk: a rule in wrangler.toml makes each import the file's text. */
export function workerAssets(): ReadonlyMap<string, ConsoleAsset> {
  return assetsOf([
    ['advance.js', advance],
    ['app.js', app],
    ['batch.js', batch],
    ['countdown.js', countdown],
    ['counter.js', counter],
    ['decide.js', decide],
    ['erase.js', erase],
    ['explain.js', explain],
    ['freeze.js', freeze],
    ['guard.js', guard],
    ['hold.js', hold],
    ['icon.svg', icon],
    ['keys.js', keys],
    ['live.js', live],
    ['localtime.js', localtime],
    ['merge.js', merge],
    ['nav.js', nav],
    ['print.js', print],
    ['notify.js', notify],
    ['passkey.js', passkey],
    ['revoke.js', revoke],
    ['say.js', say],
    ['sign.js', sign],
    ['sign-in-link.js', signInLink],
    ['snooze.js', snooze],
    ['style.css', style],
    ['switch.js', switches],
    ['theme.js', theme],
    ['token.js', token],
  ]);
}
