import { api } from './api.js';
import { ago, h } from './dom.js';

const ACTIONS = {
  get: 'used',
  put: 'saved',
  patch: 'changed',
  delete: 'removed',
  test: 'tested',
  override: 'overridden by the operator',
  migrate: 'taken over from the old settings',
  rotate: 'sealed with a new key',
  rollback: 'restored',
};

/** What was done with this tenant's credentials, from the audit trail. */
export function activityPanel() {
  const list = h('ol', { class: 'activity' });

  async function refresh() {
    const { events } = await api.get('settings/activity');
    const lines = events.map(({ at, action, title, text, fields = [], outcome, code, actor }) => {
      const names = fields.length > 0 ? ` (${fields.join(', ')})` : '';
      return h(
        'li',
        { class: outcome === 'ok' ? 'ok' : 'bad' },
        text ?? [h('strong', {}, title), ` ${ACTIONS[action] ?? action}${names}`],
        outcome === 'ok' ? undefined : h('span', { class: 'pill bad' }, code ?? outcome),
        h('small', {}, ago(at), actor ? ` · ${actor}` : ''),
      );
    });
    list.replaceChildren(...(lines.length > 0 ? lines : [h('li', {}, 'Nothing yet.')]));
  }

  const element = h(
    'section',
    { class: 'card padded', 'aria-labelledby': 'activity-title' },
    h('h2', { id: 'activity-title' }, 'Activity'),
    list,
  );
  return { element, refresh };
}
