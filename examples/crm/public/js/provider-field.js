import { h, labelled } from './dom.js';

/**
 * One field of a provider. A secret that is set shows its mask; typing replaces it. `value()` is
 * what to send: the text, or `null` to remove it.
 */
export function providerField({ name, label, secret, example, needed, set, masked = '' }) {
  const input = h('input', {
    name,
    value: masked,
    type: secret && !set ? 'password' : 'text',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    class: 'code',
  });
  let removed = false;

  if (secret && set) {
    input.addEventListener('focus', () => {
      if (input.value === masked) input.select();
    });
    input.addEventListener('input', () => {
      input.type = input.value === masked ? 'text' : 'password';
    });
    input.addEventListener('blur', () => {
      if (input.value !== '') return;
      input.type = 'text';
      input.value = masked; // nothing entered: nothing changes
    });
  }

  const remove = h(
    'button',
    { type: 'button', class: 'link', 'aria-label': `Remove ${label}` },
    'Remove',
  );
  remove.addEventListener('click', () => {
    removed = !removed;
    input.disabled = removed;
    input.type = 'text';
    input.value = removed ? '' : masked;
    input.placeholder = removed ? 'Removed when you save' : '';
    remove.textContent = removed ? 'Undo' : 'Remove';
    remove.setAttribute('aria-label', removed ? `Keep ${label}` : `Remove ${label}`);
  });

  const hint = !set && example ? example : undefined;
  return {
    name,
    needed,
    isSet: set,
    element: labelled(label, input, { hint, aside: set && remove }),
    value: () => (removed ? null : input.value),
  };
}
