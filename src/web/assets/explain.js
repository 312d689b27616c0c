import { send } from './say.js';

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
