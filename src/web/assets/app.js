import { countdowns } from './countdown.js';
import { decisions } from './decide.js';
import { askingServers, explaining } from './explain.js';
import { freezing } from './freeze.js';
import { guards } from './guard.js';
import { showing } from './hold.js';
import { live } from './live.js';
import { revoking } from './revoke.js';
import { themeSwitch } from './switch.js';

guards();
themeSwitch();
countdowns();
decisions();
explaining();
revoking();
freezing();
askingServers();
showing();
live();
// On a phone the navigation is wider than the screen.
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
