import { say, send } from './say.js';

/** What the second field names, by what is asked about, with an example where the form of it is not plain. */
const SUBJECTS = {
  tool: ['Tool', ''],
  resource: ['URI', 'file:///srv/data'],
  prompt: ['Prompt', ''],
  method: ['Method', 'acme/status'],
};

/** Shows what policy would say. The server renders and escapes the answer. */
export function explaining() {
  const form = document.querySelector('[data-explain]');
  const output = document.getElementById('explained');
  if (!form || !output) return;
  const what = form.elements.namedItem('what');
  const name = form.elements.namedItem('tool');
  const list = name.getAttribute('list');
  const ask = () => {
    const [label, example] = SUBJECTS[what.value];
    form.querySelector(`label[for="${name.id}"]`).textContent = label;
    name.placeholder = example;
    name.setAttribute('list', what.value === 'tool' ? list : '');
    form.dataset.what = what.value;
  };
  what.addEventListener('change', ask);
  ask();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { status, answer, text } = await send('/console/explain', Object.fromEntries(new FormData(form)));
    if (status === 200) {
      const parsed = new DOMParser().parseFromString(text, 'text/html');
      output.replaceChildren(...parsed.body.childNodes);
    } else {
      output.textContent = status === 401 ? 'You are signed out. Sign in again.' : (answer?.reason ?? 'No answer.');
    }
  });
}

/** Asks a server for its tools through the gateway, and reloads the page when it has answered. */
export function askingServers() {
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
