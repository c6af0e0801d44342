import { api } from './api.js';
import { busy, h, labelled, openDialog, showFieldErrors, toast } from './dom.js';

const CHANNELS = { sms: 'Text', whatsapp: 'WhatsApp' };

/** A text message, by SMS or WhatsApp. */
export function composeText(lead, channel) {
  const body = h('textarea', { name: 'body', rows: 4, required: true, autofocus: true });
  compose(`${CHANNELS[channel]} to ${lead.name}`, [labelled('Message', body)], {
    Send: async () => {
      await api.post(`twilio/${channel}`, { to: lead.phone, body: body.value });
      return `Message to ${lead.name} sent.`;
    },
  });
}

/** An e-mail, to be sent now or kept as a draft. */
export function composeEmail(lead, onDraft) {
  const subject = h('input', { name: 'subject', required: true, autofocus: true });
  const text = h('textarea', { name: 'text', rows: 6, required: true });
  const mail = () => ({ to: lead.email, subject: subject.value, text: text.value });
  compose(`E-mail to ${lead.name}`, [labelled('Subject', subject), labelled('Text', text)], {
    'Save draft': async () => {
      await api.post('email-drafts', mail());
      await onDraft().catch(() => {}); // it is saved, whatever the list shows
      return 'Draft saved.';
    },
    Send: async () => {
      await api.post('email/send', mail());
      return `E-mail to ${lead.name} sent.`;
    },
  });
}

/** A dialog with one button for each action; the last one is what Enter does. */
function compose(title, fields, actions) {
  const problem = h('p', { class: 'notice bad', role: 'alert', hidden: true });

  const run = (button, action) =>
    busy(button, async () => {
      problem.hidden = true;
      showFieldErrors(form, {});
      try {
        toast(await action());
        dialog.close();
      } catch (error) {
        if (showFieldErrors(form, error.fields)) return;
        problem.textContent = error.message;
        problem.hidden = false;
      }
    });

  const entries = Object.entries(actions);
  const buttons = entries.map(([text, action], index) => {
    const isLast = index === entries.length - 1;
    return isLast
      ? h('button', { class: 'primary' }, text)
      : h(
          'button',
          { type: 'button', onclick: ({ currentTarget }) => run(currentTarget, action) },
          text,
        );
  });
  const submit = (event) => {
    event.preventDefault();
    return run(buttons.at(-1), entries.at(-1)[1]);
  };
  const form = h(
    'form',
    { onsubmit: submit, novalidate: true },
    problem,
    fields,
    h(
      'div',
      { class: 'actions end' },
      h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Cancel'),
      buttons,
    ),
  );
  const dialog = openDialog(title, form);
}
