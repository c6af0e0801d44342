import { api, showAs } from './api.js';
import { complain, h, latest, openDialog } from './dom.js';
import { leadsPage } from './leads.js';
import { askToLogIn, loginPage } from './login.js';
import { settingsPage } from './settings.js';

const PAGES = {
  '#/leads': { title: 'Leads', show: leadsPage },
  '#/settings': { title: 'Settings', show: settingsPage },
};
// Where the backend leads the browser when a mailbox could not be connected.
const NOT_CONNECTED = '#/settings/not-connected';

const bar = document.querySelector('#bar');
const main = document.querySelector('#main');
const begin = latest();
let user = null;
let shownHash = ''; // of the page in <main>
let isGoingBack = false; // because somebody does not want to leave
let question; // an open dialog about the session

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
  const isLatest = begin();
  if (!user) {
    drawBar();
    document.title = 'Log in – Example CRM';
    main.replaceChildren(loginPage(enter));
    main.querySelector('input').focus();
    return;
  }
  if (location.hash === NOT_CONNECTED) complain('The mailbox could not be connected. Try again.');
  const page = PAGES[location.hash];
  if (!page) return location.replace('#/settings');
  const hash = location.hash;
  drawBar();
  document.title = `${page.title} – Example CRM`;
  let content;
  try {
    content = await page.show(user);
  } catch (error) {
    if (error.status === 401) return; // somebody is asked to log in, over the page that is there
    content = h('p', { class: 'notice bad', role: 'alert' }, error.message);
  }
  if (!isLatest()) return; // somebody has clicked on
  main.replaceChildren(content);
  shownHash = hash;
  if (moveFocus) main.focus({ preventScroll: true });
}

function enter(loggedIn) {
  user = loggedIn;
  showAs(user);
  return draw();
}

async function logOut() {
  if (!mayLeave()) return;
  try {
    await api.delete('session');
  } catch (error) {
    return complain(error.message); // the session goes on
  }
  await enter(null);
}

/** Asks before what is typed into the settings is dropped. */
function mayLeave() {
  const settings = document.querySelector('provider-settings');
  const isTyped = settings?.dirty || document.querySelector('form[data-dirty]');
  return !isTyped || confirm('What you typed is not saved. Leave the page?');
}

/** Finds out whose session this browser has by now: that of nobody, or of another tab's user. */
async function checkSession() {
  const { user: now } = await api.get('session');
  if (now?.email === user?.email || question?.open) return;
  if (!user) return enter(now);
  if (!now) {
    question = askToLogIn(user, async (loggedIn) => {
      if (loggedIn.email !== user.email) return location.reload();
      question.close();
      if (shownHash !== location.hash) return draw();
      await document.querySelector('provider-settings')?.refresh();
    });
    return;
  }
  question = openDialog(
    'Another account',
    h('p', {}, `In another tab you are now logged in as ${now.email} of ${now.tenantId}.`),
    h('p', {}, `This page still shows ${user.tenantId}. Nothing that you do here is saved.`),
    h(
      'div',
      { class: 'actions end' },
      h(
        'button',
        { class: 'primary', autofocus: true, onclick: () => location.reload() },
        `Go on as ${now.email}`,
      ),
    ),
  );
}

window.addEventListener('hashchange', () => {
  const goesBack = isGoingBack;
  isGoingBack = false;
  if (goesBack) return; // to the page that is there
  isGoingBack = location.hash !== shownHash && !mayLeave();
  if (isGoingBack) location.hash = shownHash;
  else draw();
});

// Without a connection nothing is found out: the next request says so.
const check = () => checkSession().catch(() => {});
document.addEventListener('login-required', () => user && check());
document.addEventListener('visibilitychange', () => !document.hidden && check());
window.addEventListener('focus', check);

({ user } = await api.get('session'));
showAs(user);
await draw({ moveFocus: false });
