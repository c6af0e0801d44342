import { activityPanel } from './activity.js';
import { api } from './api.js';
import { busy, h, labelled, showFieldErrors } from './dom.js';
import { providerCard } from './provider-card.js';

export async function settingsPage() {
  const { settings, providers } = await api.get('settings');
  const activity = activityPanel();
  const cards = h('div', { class: 'cards' });
  const draw = (provider) => providerCard(provider, { onChange: activity.refresh });
  cards.append(...providers.map(draw));
  const open =
    providers.find(needsAttention) ?? (providers.some(isConfigured) ? undefined : providers[0]);
  if (open) cards.children[providers.indexOf(open)].open = true;
  await activity.refresh();

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
    h(
      'section',
      { 'aria-labelledby': 'providers-title' },
      h('h2', { id: 'providers-title' }, 'Providers'),
      cards,
    ),
    h('div', { class: 'side' }, companyPanel(settings), activity.element),
  );
}

const needsAttention = ({ state }) => state === 'incomplete' || state === 'unreadable';
const isConfigured = ({ state }) => state === 'configured' || state === 'overridden';

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
    await busy(button, async () => {
      try {
        await api.post('settings', {
          settings: { company_name: company.value, email_signature: signature.value },
        });
        showFieldErrors(form, {});
        status.textContent = 'Saved.';
      } catch (error) {
        if (!showFieldErrors(form, error.fields)) status.textContent = error.message;
      }
    });
  }
  const form = h(
    'form',
    { onsubmit: save },
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
