const ZONE = zoneName();

/**
 * Shows every time in this browser's zone, and says which that is; what the server sent is UTC, and stays in the tooltip.
 * Fields to search by time are filled in and sent as the same instants.
 */
export function localTimes(root = document) {
  for (const time of root.querySelectorAll('time[data-form]')) {
    const at = new Date(time.dateTime);
    const [day, clock] = [dayOf(at), clockOf(at)];
    time.title = `${day} ${clock} ${ZONE} = ${time.dateTime}`;
    const [bold, small] = [time.querySelector('b'), time.querySelector('small')];
    if (time.dataset.form === 'full') {
      time.firstChild.data = `${day} `;
      bold.textContent = clock;
    } else {
      time.firstChild.data = clock;
      small.textContent = `.${String(at.getMilliseconds()).padStart(3, '0')}`;
    }
    delete time.dataset.form;
  }
  for (const zone of root.querySelectorAll('[data-zone]')) zone.textContent = ZONE;
}

/** Fields that the server fills in and reads as UTC. */
export function localTimeFields() {
  for (const field of document.querySelectorAll('input[type="datetime-local"][data-utc]')) {
    if (field.value !== '') field.value = local(new Date(`${field.value}Z`));
    field.form.addEventListener('formdata', ({ formData }) => {
      if (field.value !== '') formData.set(field.name, new Date(field.value).toISOString());
    });
  }
}

function local(at) {
  return `${dayOf(at)}T${clockOf(at)}`;
}

function dayOf(at) {
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

function clockOf(at) {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

function zoneName() {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts(new Date());
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'local time';
}
