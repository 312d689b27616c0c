import { countdowns } from './countdown.js';
import { decisions } from './decide.js';
import { asking, explaining } from './explain.js';
import { live } from './live.js';
import { revoking } from './revoke.js';
import { themeSwitch } from './switch.js';

themeSwitch();
countdowns();
decisions();
explaining();
revoking();
asking();
live();
// On a phone the rooms are wider than the screen.
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
