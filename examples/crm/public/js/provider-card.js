import { api } from './api.js';
import { ago, busy, h, newId, openDialog, showFieldErrors } from './dom.js';
import { providerField } from './provider-field.js';

const STATES = {
  configured: ['good', 'Configured'],
  incomplete: ['warn', 'Incomplete'],
  missing: ['none', 'Not set up'],
  unreadable: ['bad', 'Cannot be read'],
  overridden: ['warn', 'Overridden by operator'],
};

const PROBLEMS = {
  wrong_credentials: 'The provider rejects the credentials.',
  suspended: 'The account is suspended.',
  rate_limited: 'The provider is getting too many requests at the moment.',
  unreachable: 'The provider cannot be reached.',
  timeout: 'The provider does not answer.',
};
const CHANGED_MEANWHILE = 'Somebody else saved this in the meantime. Reload the page to see it.';

/**
 * One provider: its state, its fields, and what can be done. Everything in it comes from the
 * provider's definition and status, so a new provider needs no new page.
 */
export function providerCard(provider, { onChange }) {
  const [tone, stateText] = STATES[provider.state];
  const problem = h('p', { class: 'notice bad', role: 'alert', hidden: true });
  const result = h('p', { class: 'result', role: 'status' });
  const fields = provider.fields.map(providerField);
  const saveButton = h('button', { class: 'primary' }, provider.connect ? 'Connect' : 'Save');

  /** Draws the card anew from what the server answered, and says what was done. */
  async function redraw(providers, message) {
    const next = providerCard(
      providers.find(({ name }) => name === provider.name),
      { onChange },
    );
    next.open = true;
    card.replaceWith(next);
    next.querySelector('button.primary').focus();
    // After a moment: a status that is already there when it appears is not read out.
    setTimeout(() => {
      next.querySelector('.result').textContent = message;
    }, 50);
    await onChange();
  }

  function showError(error) {
    if (showFieldErrors(form, error.fields)) return;
    problem.textContent = error.code === 'ERR_CONFLICT' ? CHANGED_MEANWHILE : error.message;
    problem.hidden = false;
  }

  function clearMessages() {
    problem.hidden = true;
    result.replaceChildren();
    result.className = 'result';
    showFieldErrors(form, {});
  }

  async function save(event) {
    event.preventDefault();
    clearMessages();
    // Masks are sent back unchanged; the server leaves those fields as they are.
    const entered = Object.fromEntries(fields.map((field) => [field.name, field.value()]));
    const change = { etag: provider.etag, fields: entered };
    await busy(saveButton, async () => {
      try {
        if (provider.connect) {
          const { url } = await api.post(`connect/${provider.name}`, entered);
          return location.assign(url);
        }
        const { providers } = await api.post('settings', {
          providers: { [provider.name]: change },
        });
        await redraw(providers, 'Saved.');
      } catch (error) {
        showError(error);
      }
    });
  }

  async function test({ currentTarget }) {
    clearMessages();
    result.textContent = 'Testing…';
    await busy(currentTarget, async () => {
      try {
        const { ok, code, detail } = await api.post('settings/test', { provider: provider.name });
        result.className = `result ${ok ? 'good' : 'bad'}`;
        result.textContent = ok
          ? `${provider.title} accepts these credentials.`
          : [PROBLEMS[code], detail].filter(Boolean).join(' ');
        await onChange();
      } catch (error) {
        result.textContent = '';
        showError(error);
      }
    });
  }

  function askToRemove() {
    const confirm = h('button', { class: 'danger' }, 'Remove');
    const dialog = openDialog(
      `Remove ${provider.title}?`,
      h('p', {}, 'This deletes all its credentials here. Nothing changes at the provider.'),
      h(
        'div',
        { class: 'actions end' },
        h('button', { type: 'button', autofocus: true, onclick: () => dialog.close() }, 'Keep'),
        confirm,
      ),
    );
    confirm.addEventListener('click', () =>
      busy(confirm, async () => {
        try {
          const { providers } = await api.delete(`settings/${provider.name}`);
          dialog.close();
          await redraw(providers, 'Removed.');
        } catch (error) {
          dialog.close();
          showError(error);
        }
      }),
    );
  }

  const isStored = provider.etag !== null;
  const needed = fields.filter((field) => field.needed);
  const others = fields.filter((field) => !field.needed);
  const form = h(
    'form',
    { onsubmit: save, novalidate: true, autocomplete: 'off' },
    needsAttention(provider),
    healthLine(provider),
    problem,
    provider.ways.length > 1 &&
      h('p', { class: 'hint' }, `Needed: ${provider.ways.map(listed).join(', or ')}.`),
    h(
      'div',
      { class: 'fields' },
      needed.map(({ element }) => element),
    ),
    others.length > 0 &&
      h(
        'details',
        { class: 'more', open: others.some(({ isSet }) => isSet) },
        h('summary', {}, 'More fields'),
        h(
          'div',
          { class: 'fields' },
          others.map(({ element }) => element),
        ),
      ),
    h(
      'div',
      { class: 'actions' },
      saveButton,
      provider.testable &&
        h('button', { type: 'button', disabled: !isStored, onclick: test }, 'Test connection'),
      isStored &&
        h('button', { type: 'button', class: 'quiet danger', onclick: askToRemove }, 'Remove…'),
      result,
    ),
    recordLine(provider),
  );

  const titleId = newId('provider');
  const card = h(
    'details',
    { class: 'card provider', 'data-provider': provider.name, 'aria-labelledby': titleId },
    h(
      'summary',
      {},
      h('span', { class: `mark ${provider.name}`, 'aria-hidden': 'true' }, provider.title[0]),
      h(
        'span',
        { class: 'names' },
        h('h3', { id: titleId }, provider.title),
        h('small', {}, provider.use),
      ),
      h('span', { class: `pill ${tone}` }, stateText),
    ),
    form,
  );
  return card;
}

function needsAttention({ state, missing, reason, detail, title }) {
  if (state === 'unreadable') {
    return h(
      'p',
      { class: 'notice bad' },
      'The stored credentials cannot be opened. Ask your operator, or remove them and enter them again. ',
      h('code', {}, reason),
    );
  }
  if (state === 'overridden') {
    return h(
      'p',
      { class: 'notice warn' },
      `An operator is overriding ${title} at the moment. What you save here is used afterwards.`,
    );
  }
  if (state !== 'incomplete') return undefined;
  const text = reason ? detail : `Still missing: ${missing.join(', ')}.`;
  return h('p', { class: 'notice warn' }, text);
}

function healthLine({ health }) {
  if (!health || health.state === 'ok') return undefined;
  return h('p', { class: 'notice warn' }, `${health.text}. First seen `, ago(health.since), '.');
}

function recordLine({ rev, etag, keyId, updatedAt, updatedBy, bound }) {
  if (etag === null) return h('p', { class: 'record' }, 'Nothing is stored.');
  const by = updatedBy ? ` by ${updatedBy}` : '';
  const parts = [h('span', {}, rev > 0 ? `Revision ${rev}` : 'Record of the old system')];
  if (keyId) parts.push(h('span', {}, 'Key ', h('code', {}, keyId)));
  if (updatedAt) parts.push(h('span', {}, 'Saved ', ago(updatedAt), by));
  if (bound === false) parts.push(h('span', {}, 'Bound to this tenant at the next save'));
  return h('p', { class: 'record' }, parts);
}

function listed(names) {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
