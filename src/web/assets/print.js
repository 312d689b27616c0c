/** A printed page shows what is folded on the screen: everything that is told of the call and of each event. */
export function printing() {
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('main details:not([open])')];
    for (const details of opened) details.open = true;
  });
  addEventListener('afterprint', () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
  for (const button of document.querySelectorAll('[data-print]')) button.addEventListener('click', () => print());
}
