// In every page of the demo: how the stand-ins of the providers answer.
import { h, labelled, toast } from '../js/dom.js';

const NAMES = { twilio: 'Twilio', sendgrid: 'SendGrid' };

const state = await (await fetch('/demo/failures')).json();
document.body.append(
  h(
    'aside',
    { class: 'demo', 'aria-label': 'Demo' },
    h('p', {}, 'Demo: how the providers answer'),
    state.map(({ provider, chosen, choices }) =>
      labelled(NAMES[provider], choice(provider, chosen, choices)),
    ),
  ),
);

function choice(provider, chosen, choices) {
  const select = h(
    'select',
    { name: provider },
    choices.map((text) => h('option', { value: text, selected: text === chosen }, text)),
  );
  select.addEventListener('change', async () => {
    await fetch('/demo/failures', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ provider, failure: select.value }),
    });
    toast(`${NAMES[provider]}: ${select.value}.`);
  });
  return select;
}
