const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const FACES = { auto: '◐ Auto', light: '○ Light', dark: '● Dark' };
const WORDS = { auto: 'as the system', light: 'light', dark: 'dark' };

/** One button goes round: as the system, light, dark. */
export function themeSwitch() {
  const button = document.querySelector('[data-theme-switch]');
  if (!button) return;
  const root = document.documentElement;
  const show = () => {
    const theme = root.dataset.theme ?? 'auto';
    button.textContent = FACES[theme];
    button.setAttribute('aria-label', `Colours: ${WORDS[theme]}`);
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
