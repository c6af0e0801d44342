// Elements are built here and nowhere else. Text is always text: there is no innerHTML in this page,
// and the Content-Security-Policy (Trusted Types) would refuse one.

let lastId = 0;

/** A new id, to tie a label, a hint or an error to its field. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/**
 * An element: `h('button', { class: 'primary', onclick: save }, 'Save')`. A property whose value is
 * false or missing is left out; children that are missing are left out too.
 */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'value') element.value = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

/** A label, its field, and the place for its error. */
export function labelled(text, field) {
  field.id ||= newId('field');
  const errorId = newId('error');
  field.setAttribute('aria-describedby', errorId);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: field.id }, text),
    field,
    h('p', { class: 'error', id: errorId, hidden: true }),
  );
}

/** Shows messages at the fields of a form and moves to the first; false when none of them is here. */
export function showFieldErrors(form, messages) {
  let first;
  for (const field of form.querySelectorAll('input, textarea')) {
    const message = messages[field.name];
    const place = field.closest('.field')?.querySelector('.error');
    if (!place) continue;
    place.textContent = message ?? '';
    place.hidden = message === undefined;
    if (message === undefined) field.removeAttribute('aria-invalid');
    else {
      field.setAttribute('aria-invalid', 'true');
      first ??= field;
    }
  }
  first?.focus();
  return first !== undefined;
}

/**
 * Runs `action` while the button shows that it does. Nobody clicks twice, nor on another button of the
 * form, which might send what this one keeps.
 */
export async function busy(button, action) {
  const whole = button.form ?? button;
  if (whole.dataset.busy) return;
  whole.dataset.busy = 'yes';
  button.setAttribute('aria-busy', 'true');
  try {
    await action();
  } finally {
    button.removeAttribute('aria-busy');
    delete whole.dataset.busy;
  }
}

/** Of runs that overlap, only the latest one counts: `const isLatest = begin();` when one begins. */
export function latest() {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

const TOAST_MS = 6000;

/** A message that is read out, and goes away. */
export function toast(message) {
  const shown = h('p', { class: 'toast' }, message);
  document.querySelector('#toasts').append(shown);
  setTimeout(() => shown.remove(), TOAST_MS);
}

/** What went wrong: it stays until it was read. */
export function complain(message) {
  const dismiss = h('button', { onclick: () => shown.remove() }, 'Dismiss');
  const shown = h('div', { class: 'toast bad' }, h('p', {}, message), dismiss);
  document.querySelector('#toasts').append(shown);
}

/** A modal dialog that leaves the document when it is closed. */
export function openDialog(title, ...children) {
  const titleId = newId('title');
  const dialog = h(
    'dialog',
    { 'aria-labelledby': titleId },
    h('h2', { id: titleId }, title),
    ...children,
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** "3 minutes ago", with the exact time on hover. */
export function ago(value) {
  const date = new Date(value);
  const past = date - Date.now();
  const [unit, length] = UNITS.find(([, size]) => Math.abs(past) >= size) ?? [];
  const text = unit ? relative.format(Math.round(past / length), unit) : 'just now';
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}
