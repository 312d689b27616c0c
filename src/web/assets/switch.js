const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const LABELS = { auto: ['◐', ' Auto'], light: ['○', ' Light'], dark: ['●', ' Dark'] };

/** The button that switches between the system's colours, light and dark. */
export function themeSwitch() {
  const button = document.querySelector('[data-theme-switch]');
  if (!button) return;
  const root = document.documentElement;
  const show = () => {
    const theme = root.dataset.theme ?? 'auto';
    const [sign, label] = LABELS[theme];
    button.firstElementChild.textContent = sign;
    button.childNodes[1].data = label;
  };
  button.addEventListener('click', () => {
    const next = NEXT[root.dataset.theme ?? 'auto'];
    if (next === 'auto') delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem('holdfast-theme', next);
    } catch {
      // No storage: it lasts for this page only.
    }
    show();
  });
  show();
}
