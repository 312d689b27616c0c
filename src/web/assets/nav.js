/** On a phone the navigation is wider than the screen: an edge with more behind it shows that. */
export function navigation() {
  const list = document.querySelector('.bar nav ul');
  if (!list) return;
  list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  const show = () => {
    list.parentElement.classList.toggle('more-before', list.scrollLeft > 4);
    list.parentElement.classList.toggle('more-after', list.scrollLeft + list.clientWidth < list.scrollWidth - 4);
  };
  list.addEventListener('scroll', show, { passive: true });
  addEventListener('resize', show);
  show();
}
