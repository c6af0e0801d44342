import { api } from './api.js';
import { ago, busy, h, labelled, newId, openDialog, showFieldErrors } from './dom.js';

/** The mailboxes that a tenant connects at their provider, in the place of a form with credentials. */
export function mailboxesPanel(mailboxes, { role }) {
  return mailboxes.map((mailbox) => mailboxCard(mailbox, role === 'admin'));
}

function mailboxCard({ name, title, state, etag, account, health }, isAdmin) {
  const isConnected = etag !== null;
  const titleId = newId('mailbox');
  const address = h('input', {
    name: 'account',
    type: 'email',
    value: account,
    autocomplete: 'email',
  });
  const problem = h('p', { class: 'notice bad', role: 'alert', hidden: true });
  const button = h(
    'button',
    { class: 'primary' },
    isConnected ? `Connect ${title} again` : `Connect ${title}`,
  );

  async function run(pressed, action) {
    problem.hidden = true;
    showFieldErrors(form, {});
    await busy(pressed, async () => {
      try {
        await action();
      } catch (error) {
        if (showFieldErrors(form, error.fields)) return;
        problem.textContent = error.message;
        problem.hidden = false;
      }
    });
  }
  const connect = (event) => {
    event.preventDefault();
    return run(button, async () => {
      const { url } = await api.post(`connect/${name}`, { account: address.value });
      location.assign(url);
    });
  };
  const disconnect = () => {
    const confirm = h('button', { class: 'danger' }, 'Disconnect');
    const dialog = openDialog(
      `Disconnect ${title}?`,
      h('p', {}, `E-mail to leads no longer goes out from ${account || 'this mailbox'}.`),
      h(
        'div',
        { class: 'actions end' },
        h('button', { type: 'button', autofocus: true, onclick: () => dialog.close() }, 'Keep it'),
        confirm,
      ),
    );
    confirm.addEventListener('click', () =>
      run(confirm, async () => {
        try {
          await api.delete(`connect/${name}`, { etag });
        } finally {
          dialog.close();
        }
        const next = mailboxCard({ name, title, state: 'missing', etag: null, account }, isAdmin);
        card.replaceWith(next);
        next.querySelector('button').focus();
      }),
    );
  };

  const form = h(
    'form',
    { onsubmit: connect, novalidate: true },
    problem,
    labelled('Mail address', address),
    h(
      'div',
      { class: 'actions' },
      button,
      isConnected &&
        h('button', { type: 'button', class: 'quiet danger', onclick: disconnect }, 'Disconnect…'),
    ),
  );
  const card = h(
    'section',
    { class: 'card padded', 'data-mailbox': name, 'aria-labelledby': titleId },
    h(
      'div',
      { class: 'head' },
      h('h2', { id: titleId }, title),
      h(
        'span',
        { class: `pill ${isConnected ? 'good' : ''}` },
        isConnected ? 'Connected' : 'Not connected',
      ),
    ),
    state === 'unreadable' &&
      h('p', { class: 'notice bad' }, 'The stored connection cannot be opened. Connect again.'),
    health && healthLine(health),
    isConnected &&
      account &&
      h('p', { class: 'hint' }, `E-mail to leads goes out from ${account}.`),
    isAdmin ? form : h('p', { class: 'hint' }, 'An administrator of your account can connect it.'),
  );
  return card;
}

/** Whether the connection works, and since when. */
function healthLine({ ok, text, since }) {
  return h('p', { class: ok ? 'hint' : 'notice warn' }, `${text}, since `, ago(since), '.');
}
