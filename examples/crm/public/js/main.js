import { api } from './api.js';
import { h } from './dom.js';
import { leadsPage } from './leads.js';
import { loginPage } from './login.js';
import { settingsPage } from './settings.js';

const PAGES = {
  '#/leads': { title: 'Leads', show: leadsPage },
  '#/settings': { title: 'Settings', show: settingsPage },
};

const bar = document.querySelector('#bar');
const main = document.querySelector('#main');
let user = null;

function drawBar() {
  const brand = h(
    'a',
    { class: 'brand', href: '#/leads' },
    h('img', { src: 'icon.svg', alt: '' }),
    'Example CRM',
  );
  if (!user) return bar.replaceChildren(brand);
  const links = Object.entries(PAGES).map(([hash, { title }]) =>
    h('a', { href: hash, 'aria-current': location.hash === hash && 'page' }, title),
  );
  bar.replaceChildren(
    brand,
    h('nav', { 'aria-label': 'Pages' }, links),
    h(
      'div',
      { class: 'who' },
      h('span', { class: 'person' }, user.name, h('small', {}, user.tenantId)),
      h('button', { class: 'quiet', onclick: logOut }, 'Log out'),
    ),
  );
}

async function draw({ moveFocus = true } = {}) {
  if (!user) {
    drawBar();
    document.title = 'Log in – Example CRM';
    main.replaceChildren(loginPage(enter));
    main.querySelector('input').focus();
    return;
  }
  const page = PAGES[location.hash];
  if (!page) return location.replace('#/settings');
  drawBar();
  document.title = `${page.title} – Example CRM`;
  try {
    main.replaceChildren(await page.show());
  } catch (error) {
    main.replaceChildren(h('p', { class: 'notice bad', role: 'alert' }, error.message));
  }
  if (moveFocus) main.focus({ preventScroll: true });
}

function enter(loggedIn) {
  user = loggedIn;
  return draw();
}

async function logOut() {
  await api.delete('session');
  await enter(null);
}

window.addEventListener('hashchange', () => draw());
window.addEventListener('logged-out', async () => {
  if (!user) return;
  await api.get('session');
  await enter(null);
});

({ user } = await api.get('session'));
await draw({ moveFocus: false });
