// Runs before the page is painted, so that the chosen colours show at once.
try {
  const chosen = localStorage.getItem('holdfast-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // No storage: the system's colours.
}
