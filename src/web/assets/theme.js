// Before the page is painted: the colours that this browser was told to use, if any.
try {
  const chosen = localStorage.getItem('holdfast-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // No storage: the system's colours.
}
