/** Matches children by `data-key`. One whose `data-rev` is unchanged is left alone, with whatever was typed into it. */
export function merge(part, fresh) {
  const known = new Map([...part.children].map((child) => [child.dataset.key, child]));
  const wanted = new Set([...fresh.children].map((child) => child.dataset.key));
  for (const [key, child] of known) if (!wanted.has(key)) child.remove();
  let next = part.firstElementChild;
  for (const child of [...fresh.children]) {
    const old = known.get(child.dataset.key);
    let current = child;
    if (old && old.dataset.rev === child.dataset.rev && old.dataset.over === undefined) current = old;
    else if (old) replace(old, child);
    if (current === next) next = next.nextElementSibling;
    else if (old && current !== old) next = current.nextElementSibling;
    else part.insertBefore(current, next);
  }
}

/** Replaces a child, and carries over what was typed, what was unfolded, and the focus. */
export function replace(old, fresh) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  for (const input of old.querySelectorAll('input[id]')) {
    const other = fresh.querySelector(`#${CSS.escape(input.id)}`);
    if (other) other.value = input.value;
  }
  for (const opened of old.querySelectorAll('details[open]')) {
    const index = [...old.querySelectorAll('details')].indexOf(opened);
    fresh.querySelectorAll('details')[index]?.setAttribute('open', '');
  }
  const caret = active === null ? null : caretOf(active);
  const same =
    active && (active.id ? `#${CSS.escape(active.id)}` : active.value && `button[value="${CSS.escape(active.value)}"]`);
  old.replaceWith(fresh);
  if (same) focusAgain(fresh.querySelector(same), caret);
}

export function caretOf(element) {
  return element instanceof HTMLInputElement ? [element.selectionStart, element.selectionEnd] : null;
}

/** Without scrolling: what the person looks at stays where it is. */
export function focusAgain(element, caret) {
  element?.focus({ preventScroll: true });
  if (caret !== null && element instanceof HTMLInputElement) element.setSelectionRange(...caret);
}
