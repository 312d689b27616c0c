const KEY = 'holdfast-notify';
let last = null;

/** The tab's title begins with how many wait, and a reviewer who asked for it is told of more. */
export function waitingCount() {
  const count = Number(document.getElementById('waiting')?.dataset.rev ?? 0);
  document.title = `${count > 0 ? `(${count}) ` : ''}${document.title.replace(/^\(\d+\) /, '')}`;
  if (last !== null && count > last && document.hidden && isOn()) tell(count);
  last = count;
}

/** Whether this browser tells of new calls: then its page stays live in the background. */
export function isOn() {
  try {
    return localStorage.getItem(KEY) === 'on' && Notification.permission === 'granted';
  } catch {
    return false;
  }
}

/** Nothing of a call is in it: notifications are shown on locked screens, too. */
function tell(count) {
  const note = new Notification('Holdfast: a call is waiting for a decision', {
    body: `${count} waiting`,
    tag: 'holdfast-waiting',
    icon: '/console/icon.svg',
  });
  note.onclick = () => {
    window.focus();
    note.close();
  };
}

/** The switch for notifications; it stays hidden where the browser has none. */
export function notifying() {
  const button = document.querySelector('[data-notify]');
  if (!button || !('Notification' in window)) return;
  button.hidden = false;
  const show = () => button.setAttribute('aria-pressed', String(isOn()));
  button.addEventListener('click', async () => {
    const wanted = !isOn();
    const allowed = wanted && (await Notification.requestPermission()) === 'granted';
    try {
      localStorage.setItem(KEY, allowed ? 'on' : 'off');
    } catch {
      // No storage: it stays off.
    }
    button.title = wanted && !allowed ? 'This browser does not allow notifications of this page.' : '';
    show();
  });
  show();
}
