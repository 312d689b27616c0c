/** The page's script: sends gestures, and redraws after every change that the stand-in reports. */
export const SCRIPT = `
'use strict';
const { as, channel } = document.body.dataset;
const drawn = {};
const part = (id) => document.getElementById(id);
const toast = (words) => { part('toast').textContent = words; setTimeout(() => { part('toast').textContent = ''; }, 6000); };

async function send(what, body) {
  const response = await fetch('/page/' + what, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: as, ...body }),
  });
  const { trouble } = await response.json();
  if (trouble) toast(trouble);
}

function entered() {
  const values = {};
  for (const input of document.querySelectorAll('#modal [data-input-block]')) {
    const block = (values[input.dataset.inputBlock] ??= {});
    const action = input.dataset.inputAction;
    if (input.type === 'radio') { if (input.checked) block[action] = input.value; }
    else if (input.type === 'checkbox') { if (input.checked) block[action] = [block[action], input.value].filter(Boolean).join(','); }
    else block[action] = input.value;
  }
  return values;
}

function restore(values) {
  for (const input of document.querySelectorAll('#modal [data-input-block]')) {
    const value = values[input.dataset.inputBlock]?.[input.dataset.inputAction];
    if (value === undefined) continue;
    if (input.type === 'radio') input.checked = input.value === value;
    else if (input.type === 'checkbox') input.checked = value.split(',').includes(input.value);
    else input.value = value;
  }
}

function draw(id, markup) {
  if (drawn[id] === markup) return;
  drawn[id] = markup;
  const values = id === 'modal' ? entered() : null;
  const view = document.querySelector('#modal [data-view]')?.dataset.view;
  const list = document.querySelector('.messages');
  const atEnd = !list || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const top = list ? list.scrollTop : 0;
  part(id).innerHTML = markup;
  if (values && view && document.querySelector('#modal [data-view]')?.dataset.view === view) restore(values);
  else if (id === 'modal') document.querySelector('#modal [data-focus]')?.focus();
  if (id === 'channel') { const now = document.querySelector('.messages'); now.scrollTop = atEnd && channel !== 'home' ? now.scrollHeight : top; }
}

async function redraw() {
  const response = await fetch('/page/parts?' + new URLSearchParams({ as, channel }));
  if (!response.ok) return;
  for (const [id, markup] of Object.entries(await response.json())) draw(id, markup);
}

function confirmed(words) {
  const dialog = part('confirm');
  const [no, yes] = dialog.querySelectorAll('button');
  dialog.querySelector('h2').textContent = words.title;
  dialog.querySelector('p').textContent = words.text;
  no.textContent = words.deny;
  yes.textContent = words.confirm;
  yes.className = 'button ' + (words.style === 'danger' ? 'danger' : 'primary');
  return new Promise((resolve) => {
    no.onclick = () => { dialog.close(); };
    yes.onclick = () => { dialog.onclose = null; dialog.close(); resolve(true); };
    dialog.onclose = () => resolve(false);
    dialog.showModal();
  });
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('button');
  if (!button || button.closest('dialog')) return;
  const { action, block, confirm, close, submit, url } = button.dataset;
  if (action === undefined && !close && !submit) return;
  if (confirm && !(await confirmed(JSON.parse(confirm)))) return;
  button.disabled = true;
  const viewId = button.closest('[data-view]')?.dataset.view;
  if (close) await send('close', { viewId });
  else if (submit) await send('submit', { viewId, values: entered() });
  else if (viewId) await send('view-click', { viewId, actionId: action, blockId: block, values: entered() });
  else if (button.closest('[data-home]')) await send('home-click', { actionId: action, blockId: block });
  else {
    const message = button.closest('[data-ts]').dataset;
    await send('click', { channel: message.messageChannel, ts: message.ts, actionId: action, blockId: block, value: button.dataset.value });
    if (url && /^https?:/.test(url)) window.open(url, '_blank', 'noopener');
  }
  button.disabled = false;
  await redraw();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !part('confirm').open) document.querySelector('#modal [data-close]')?.click();
});

let due;
const changes = new EventSource('/page/changes');
changes.onmessage = () => { clearTimeout(due); due = setTimeout(redraw, 30); };
changes.onopen = () => redraw();
changes.onerror = () => toast('The stand-in no longer answers. The page shows its last state.');
if (channel === 'home') send('home', {});
else document.querySelector('.messages').scrollTop = 1e9;
`;
