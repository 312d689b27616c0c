const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const FACES = { auto: ['◐', ' Auto'], light: ['○', ' Light'], dark: ['●', ' Dark'] };

/** One button goes round: as the system, light, dark. */
export function themeSwitch() {
  const button = document.querySelector('[data-theme-switch]');
  if (!button) return;
  const root = document.documentElement;
  const show = () => {
    const theme = root.dataset.theme ?? 'auto';
    const [sign, word] = FACES[theme];
    button.firstElementChild.textContent = sign;
    button.childNodes[1].data = word;
  };
  button.addEventListener('click', () => {
    const next = NEXT[root.dataset.theme ?? 'auto'];
    if (next === 'auto') delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem('holdfast-theme', next);
    } catch {
      // Holds for this page then.
    }
    show();
  });
  show();
}
