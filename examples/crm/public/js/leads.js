import { api } from './api.js';
import { composeEmail, composeText } from './compose.js';
import { busy, h, toast } from './dom.js';

export async function leadsPage() {
  const draftsPlace = h('div', {});
  const refreshDrafts = async () => {
    const { drafts } = await api.get('email-drafts');
    draftsPlace.replaceChildren(
      ...draftList(
        drafts.filter(({ state }) => state === 'draft'),
        refreshDrafts,
      ),
    );
  };
  const [{ leads }] = await Promise.all([api.get('leads'), refreshDrafts()]);

  return h(
    'div',
    { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, 'Leads')),
    leads.length === 0
      ? h('p', { class: 'card padded' }, 'No leads yet.')
      : h(
          'ul',
          { class: 'leads card' },
          leads.map((lead) => leadRow(lead, refreshDrafts)),
        ),
    draftsPlace,
  );
}

function leadRow(lead, refreshDrafts) {
  const action = (text, run) =>
    h('button', { onclick: run, 'aria-label': `${text} ${lead.name}` }, text);
  return h(
    'li',
    {},
    h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(lead.name)),
    h(
      'span',
      { class: 'names' },
      h('strong', {}, lead.name),
      h('small', {}, `${lead.phone} · ${lead.email}`),
    ),
    h(
      'span',
      { class: 'actions' },
      action('Text', () => composeText(lead, 'sms')),
      action('WhatsApp', () => composeText(lead, 'whatsapp')),
      action('E-mail', () => composeEmail(lead, refreshDrafts)),
      action('Call', ({ currentTarget }) => call(currentTarget, lead)),
    ),
  );
}

async function call(button, lead) {
  await busy(button, async () => {
    try {
      await api.post('twilio/outbound-call', { leadId: lead.id });
      toast(`Your phone rings; then ${lead.name} is called.`);
    } catch (error) {
      toast(error.message);
    }
  });
}

function draftList(drafts, refresh) {
  if (drafts.length === 0) return [];
  const send =
    (draft) =>
    async ({ currentTarget }) =>
      busy(currentTarget, async () => {
        try {
          await api.post('email-drafts/send', { draftId: draft.id });
          toast(`E-mail to ${draft.to} sent.`);
          await refresh();
        } catch (error) {
          toast(error.message);
        }
      });
  return [
    h('h2', {}, 'Drafts'),
    h(
      'ul',
      { class: 'leads card' },
      drafts.map((draft) =>
        h(
          'li',
          {},
          h(
            'span',
            { class: 'names' },
            h('strong', {}, draft.subject),
            h('small', {}, `to ${draft.to}`),
          ),
          h('span', { class: 'actions' }, h('button', { onclick: send(draft) }, 'Send')),
        ),
      ),
    ),
  ];
}

function initials(name) {
  return name
    .split(/\s+/)
    .slice(0, 2)
    .map((part) => part[0])
    .join('');
}
