import { api } from './api.js';
import { busy, h, labelled, openDialog } from './dom.js';

export function loginPage(onLogin) {
  return h(
    'div',
    { class: 'login' },
    loginForm({ class: 'card padded' }, onLogin, [
      h('h1', {}, 'Log in'),
      h('p', { class: 'lead' }, 'Your leads, and the providers you reach them with.'),
    ]),
  );
}

/** Over the page, whose session is over: what is typed there stays. */
export function askToLogIn(user, onLogin) {
  const form = loginForm({}, onLogin, [
    h(
      'p',
      { class: 'lead' },
      'Your session is over. Log in again to go on: what you typed is still here.',
    ),
  ]);
  form.elements.email.value = user.email;
  form.elements.password.autofocus = true;
  return openDialog('Log in again', form);
}

function loginForm(properties, onLogin, head) {
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
    'form',
    { ...properties, onsubmit: logIn },
    head,
    problem,
    labelled('E-mail', email),
    labelled('Password', password),
    button,
  );
}
