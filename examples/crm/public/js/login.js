import { api } from './api.js';
import { busy, h, labelled } from './dom.js';

export function loginPage(onLogin) {
  const email = h('input', {
    name: 'email',
    type: 'email',
    autocomplete: 'username',
    required: true,
  });
  const password = h('input', {
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
  });
  const problem = h('p', { class: 'notice bad', role: 'alert', hidden: true });
  const button = h('button', { class: 'primary wide' }, 'Log in');

  async function logIn(event) {
    event.preventDefault();
    problem.hidden = true;
    await busy(button, async () => {
      try {
        const { user } = await api.post('session', {
          email: email.value,
          password: password.value,
        });
        await onLogin(user);
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
        password.value = '';
        password.focus();
      }
    });
  }

  return h(
    'div',
    { class: 'login' },
    h(
      'form',
      { class: 'card padded', onsubmit: logIn },
      h('h1', {}, 'Log in'),
      h('p', { class: 'lead' }, 'Your leads, and the providers you reach them with.'),
      problem,
      labelled('E-mail', email),
      labelled('Password', password),
      button,
    ),
  );
}
