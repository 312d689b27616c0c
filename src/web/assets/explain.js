import { say, send } from './say.js';

/** Shows what policy would say. The answer is made and escaped by the server. */
export function explaining() {
  const form = document.querySelector('[data-explain]');
  const place = document.getElementById('explained');
  if (!form || !place) return;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { status, answer, text } = await send('/console/explain', Object.fromEntries(new FormData(form)));
    if (status === 200) {
      const made = new DOMParser().parseFromString(text, 'text/html');
      place.replaceChildren(...made.body.childNodes);
    } else {
      place.textContent = status === 401 ? 'You are signed out. Sign in again.' : (answer?.reason ?? 'No answer.');
    }
  });
}

/** Has a server asked for its tools; the page is read again when it answered. */
export function asking() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.askServer === undefined) return;
    event.preventDefault();
    void ask(form.dataset.askServer, form.querySelector('button'));
  });
}

async function ask(server, button) {
  button.disabled = true;
  say(`Asking ${server} for its tools…`);
  const { status, answer } = await send('/console/tools', { server });
  if (status === 200) return location.reload();
  button.disabled = false;
  button.focus();
  say(status === 401 ? 'You are signed out. Sign in again.' : (answer?.reason ?? 'The gateway does not answer.'), true);
}
