import { api } from './api.js';
import { composeEmail, composeText } from './compose.js';
import { busy, complain, h, latest, toast } from './dom.js';

export async function leadsPage() {
  const draftsPlace = h('div', {});
  const begin = latest();
  const refreshDrafts = async () => {
    const isLatest = begin();
    const { drafts } = await api.get('email-drafts');
    if (isLatest()) draftsPlace.replaceChildren(...draftList(drafts, refreshDrafts));
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
      complain(error.message);
    }
  });
}

function draftList(drafts, refresh) {
  if (drafts.length === 0) return [];
  return [
    h('h2', {}, 'Drafts'),
    h(
      'ul',
      { class: 'leads card' },
      drafts.map((draft) => draftRow(draft, refresh)),
    ),
  ];
}

const UNCLEAR =
  'It is not known whether this was sent. Ask the recipient before you send it again.';

function draftRow({ id, to, subject, state }, refresh) {
  const run = (button, action) =>
    busy(button, async () => {
      try {
        toast(await action());
        await refresh();
      } catch (error) {
        complain(error.message);
        await refresh().catch(() => {}); // it may have another state by now
      }
    });
  const send = ({ currentTarget }) =>
    run(currentTarget, async () => {
      await api.post('email-drafts/send', { draftId: id, again: state === 'unclear' });
      return `E-mail to ${to} sent.`;
    });
  const remove = ({ currentTarget }) =>
    run(currentTarget, async () => {
      await api.delete(`email-drafts/${id}`);
      return 'Draft deleted.';
    });
  const button = (text, onclick) =>
    h('button', { onclick, 'aria-label': `${text}: ${subject}` }, text);
  return h(
    'li',
    {},
    h(
      'span',
      { class: 'names' },
      h('strong', {}, subject),
      h('small', {}, `to ${to}`),
      state === 'unclear' && h('small', { class: 'unclear' }, UNCLEAR),
    ),
    state === 'sending'
      ? h('span', { class: 'hint' }, 'Is being sent…')
      : h(
          'span',
          { class: 'actions' },
          button(state === 'unclear' ? 'Send again' : 'Send', send),
          button('Delete', remove),
        ),
  );
}

function initials(name) {
  return name
    .split(/\s+/)
    .slice(0, 2)
    .map((part) => part[0])
    .join('');
}
