import { countdowns } from './countdown.js';
import { decisions } from './decide.js';
import { askingServers, explaining } from './explain.js';
import { live } from './live.js';
import { revoking } from './revoke.js';
import { themeSwitch } from './switch.js';

themeSwitch();
countdowns();
decisions();
explaining();
revoking();
askingServers();
live();
// On a phone the navigation is wider than the screen.
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
