/** Says something to eyes and ears: at the page's foot, politely. */
export function say(words, bad = false) {
  const place = document.getElementById('said');
  if (!place) return;
  place.classList.toggle('bad', bad);
  place.textContent = words;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => {
    place.textContent = '';
  }, 12_000);
}

/** Sends JSON from our own page. Resolves with the status and the answer; a lost connection is status 0. */
export async function send(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
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

/** Asks for a second yes in a dialog of our own. Resolves with the reason typed, or null when it was called off. */
export function sure({ title, words, yes }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const dialog = document.createElement('dialog');
    dialog.setAttribute('aria-labelledby', 'sure-title');
    const heading = Object.assign(document.createElement('h2'), { id: 'sure-title', textContent: title });
    const text = Object.assign(document.createElement('p'), { textContent: words });
    const buttons = Object.assign(document.createElement('div'), { className: 'buttons' });
    const go = Object.assign(document.createElement('button'), { type: 'button', className: 'deny', textContent: yes });
    const stay = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Cancel' });
    let said = false;
    go.addEventListener('click', () => {
      said = true;
      dialog.close();
    });
    stay.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(said);
    });
    buttons.append(go, stay);
    dialog.append(heading, text, buttons);
    document.body.append(dialog);
    dialog.showModal();
    stay.focus();
  });
}
