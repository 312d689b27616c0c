/** Shows a message at the foot of the page for 12 s or until it is pressed; screen readers announce it too. */
export function say(message, bad = false) {
  const output = document.getElementById('announcement');
  if (!output) return;
  output.onclick = () => {
    output.textContent = '';
  };
  output.classList.toggle('bad', bad);
  output.textContent = message;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => {
    output.textContent = '';
  }, 12_000);
}

/** Sends JSON, which a text is already, by POST unless `method` says otherwise. Resolves with the status, the body and, if it is JSON, its value; a failed connection is status 0. */
export async function send(path, body, method = 'POST') {
  try {
    const response = await fetch(path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let answer = null;
    try {
      answer = JSON.parse(text);
    } catch {
      // Not every answer is JSON.
    }
    return { status: response.status, answer, text };
  } catch {
    return { status: 0, answer: null, text: '' };
  }
}

/**
 * Asks for confirmation in a dialog. `title`: a text or an element; `body`: more elements below it; `tone`: the class of the
 * button that says yes, so that a yes to a call never looks like a no. Resolves with whether it was given.
 */
export function confirmed({ title, text = '', body = null, yes, tone = 'deny' }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const dialog = document.createElement('dialog');
    dialog.setAttribute('aria-labelledby', 'confirm-title');
    const heading = Object.assign(document.createElement('h2'), { id: 'confirm-title' });
    heading.append(title);
    const buttons = Object.assign(document.createElement('div'), { className: 'buttons' });
    const proceed = Object.assign(document.createElement('button'), {
      type: 'button',
      className: tone,
      textContent: yes,
    });
    proceed.dataset.deciding = '';
    const cancel = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Cancel' });
    let yesPressed = false;
    proceed.addEventListener('click', () => {
      yesPressed = true;
      dialog.close();
    });
    cancel.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
      resolve(yesPressed);
    });
    buttons.append(proceed, cancel);
    dialog.append(heading);
    if (text !== '') dialog.append(Object.assign(document.createElement('p'), { textContent: text }));
    if (body !== null) dialog.append(body);
    dialog.append(buttons);
    document.body.append(dialog);
    dialog.showModal();
    cancel.focus();
  });
}
