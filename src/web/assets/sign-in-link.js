import { send } from './say.js';

// Out of the address bar and the history before anything else happens.
const secret = location.hash.slice(1);
history.replaceState(null, '', location.pathname);

const status = document.getElementById('link-status');

async function open() {
  if (secret === '') {
    status.textContent = 'There is no secret in this address. Copy the whole link from the terminal.';
    return;
  }
  const { status: code, answer } = await send('/sign-in', { link: secret });
  if (code === 200) location.replace('/');
  else status.textContent = answer?.reason ?? 'The gateway does not answer. Is it still running?';
}

void open();
