import { api, headers } from './api.js';
import { ago, busy, h, labelled, showFieldErrors } from './dom.js';
import { mailboxesPanel } from './mailboxes.js';

export async function settingsPage(user) {
  const [{ settings, notices }, { mailboxes }] = await Promise.all([
    api.get('settings'),
    api.get('connect'),
  ]);
  const providers = h('provider-settings', { src: '/api/provider-settings' });
  providers.headers = headers;

  return h(
    'div',
    { class: 'page settings' },
    h(
      'div',
      { class: 'page-head' },
      h('h1', {}, 'Settings'),
      h(
        'p',
        { class: 'lead' },
        'Credentials are sealed before they are stored. Secrets are never shown again, only their last four characters.',
      ),
    ),
    h('div', { class: 'providers' }, mailboxesPanel(mailboxes, user), providers),
    h('div', { class: 'side' }, companyPanel(settings), noticesPanel(notices)),
  );
}

/** What the CRM has found out by itself: credentials that stopped working, or work again. */
function noticesPanel(notices) {
  if (notices.length === 0) return undefined;
  return h(
    'section',
    { class: 'card padded', 'aria-labelledby': 'notices-title' },
    h('h2', { id: 'notices-title' }, 'Notices'),
    h(
      'ol',
      { class: 'notices' },
      notices.map(({ at, ok, text }) =>
        h('li', { class: ok ? 'ok' : 'bad' }, text, h('small', {}, ago(at))),
      ),
    ),
  );
}

/** Settings that are not credentials. */
function companyPanel(settings) {
  const company = h('input', {
    name: 'company_name',
    value: settings.company_name,
    autocomplete: 'organization',
  });
  const signature = h('textarea', {
    name: 'email_signature',
    rows: 3,
    value: settings.email_signature,
  });
  const status = h('p', { class: 'result', role: 'status' });
  const button = h('button', {}, 'Save');

  async function save(event) {
    event.preventDefault();
    status.textContent = '';
    delete form.dataset.dirty; // what is typed meanwhile is not saved
    await busy(button, async () => {
      try {
        await api.post('settings', {
          company_name: company.value,
          email_signature: signature.value,
        });
        showFieldErrors(form, {});
        status.textContent = 'Saved.';
      } catch (error) {
        form.dataset.dirty = '';
        if (!showFieldErrors(form, error.fields)) status.textContent = error.message;
      }
    });
  }
  const form = h(
    'form',
    { onsubmit: save, oninput: () => (form.dataset.dirty = '') },
    labelled('Company', company),
    labelled('E-mail signature', signature),
    h('div', { class: 'actions' }, button, status),
  );
  return h(
    'section',
    { class: 'card padded', 'aria-labelledby': 'company-title' },
    h('h2', { id: 'company-title' }, 'General'),
    form,
  );
}
