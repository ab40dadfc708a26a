// The page: the token, the stream of what happens, and what buttons do.

import { h, show, words } from './dom.js';
import { ask, dismiss } from './ask.js';
import { outcome, overview, stackLinks, stackPage, summary } from './view.js';

const element = (id) => document.getElementById(id);
const state = { drawn: '', stacks: null, view: null, action: null, hidden: 0, plan: null, said: '', failed: '', refused: '' };

const given = () => new URLSearchParams(location.hash.slice(1));
const hasToken = () => given().has('token') || given().has('once');

// The token comes behind the # of the address, which no server sees, and leaves it at once. It is
// kept for this tab alone.
async function takeToken() {
  const hash = given();
  if (!hasToken()) return;
  history.replaceState(null, '', '/');
  if (hash.has('token')) sessionStorage.setItem('token', hash.get('token'));
  else sessionStorage.setItem('token', await (await call('/api/token', { method: 'POST' }, `Once ${hash.get('once')}`)).text());
}

// call asks the server, and throws what it says when it refuses.
async function call(path, options = {}, authorization = `Bearer ${sessionStorage.getItem('token') ?? ''}`) {
  const answer = await fetch(path, { ...options, headers: { Authorization: authorization, ...options.headers } });
  if (answer.ok) return answer;
  const failed = new Error((await answer.text()).trim() || answer.statusText);
  failed.status = answer.status;
  throw failed;
}

const stack = () => (location.hash.startsWith('#/') ? decodeURIComponent(location.hash.slice(2)) : '');
const path = (name, rest) => `/api/stacks/${encodeURIComponent(name)}/${rest}`;

function link(text, kind) {
  const at = element('link');
  if (at.textContent !== text) at.textContent = text;
  at.className = `link ${kind}`;
}

// listen follows the stream until it ends.
async function listen(signal) {
  const asked = stack();
  const answer = await call(`/api/events${asked ? `?stack=${encodeURIComponent(asked)}` : ''}`, { signal });
  link('live', 'on');
  state.refused = '';
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (rest + value).split('\n\n');
    rest = messages.pop();
    for (const m of messages) take(m);
    draw();
  }
}

function take(message) {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(message) ?? [];
  if (name === 'stacks') {
    state.stacks = JSON.parse(data);
    const names = new Set(state.stacks.stacks.map((s) => s.stack));
    const only = state.stacks.only || (names.size === 1 && [...names][0]);
    if (only && !stack()) location.replace(`#/${encodeURIComponent(only)}`);
  } else if (name === 'stack') {
    state.view = JSON.parse(data);
  } else if (name === 'action') {
    state.action = JSON.parse(data);
  }
}

let connection = null;

// follow keeps a stream for the stack of the address, as long as somebody can see the page.
async function follow() {
  connection?.abort();
  const mine = connection = new AbortController();
  for (let pause = 500; !mine.signal.aborted && !document.hidden; pause = Math.min(2 * pause, 8000)) {
    try {
      await listen(mine.signal);
      pause = 500;
    } catch (failed) {
      if (mine.signal.aborted) return;
      if (failed.status) {
        link('refused', 'off');
        state.refused = failed.message;
        draw();
        if (failed.status !== 429) return;
      }
    }
    if (mine.signal.aborted) return;
    link('no answer: has docker bluegreen dashboard ended?', 'off');
    await new Promise((done) => setTimeout(done, pause));
  }
}

function draw() {
  const current = state.drawn = stack();
  document.title = current ? `${current} – Blue-green` : 'Blue-green';
  if (state.stacks) show(element('stacks'), stackLinks(state.stacks.stacks, current));
  const action = state.action && state.action.id > state.hidden ? state.action : null;
  let content = [];
  if (state.refused) content = [];
  else if (current) content = stackPage(state.view?.stack === current ? state.view : { stack: current }, action, state.plan);
  else if (state.stacks) content = overview(state.stacks);
  const failed = state.refused || state.failed;
  show(element('main'), failed && h('p', { class: 'remark bad', role: 'alert', 'data-key': 'failed' }, words(failed)), content);
  tellReader();
}

// tellReader says aloud what has changed, and no figures that always do.
function tellReader() {
  const news = [];
  const { action } = state;
  if (action && !action.ended) state.running = action.id;
  else if (action && state.running === action.id) {
    state.running = 0;
    news.push(outcome(action));
  }
  const now = summary(state.view);
  if (state.said && now && now !== state.said) news.push(now);
  if (now) state.said = now;
  if (news.length) element('news').textContent = news.join('. ');
}

// act asks, and acts on the stack that the button was drawn for: the address may change meanwhile.
async function act(pressed) {
  const on = state.drawn;
  const action = { do: pressed.dataset.do, services: JSON.parse(pressed.dataset.services), release: Number(pressed.dataset.release ?? 0) };
  const query = new URLSearchParams([['do', action.do], ['release', action.release], ...action.services.map((s) => ['service', s])]);
  const agreed = await ask(on, action, async (signal) => (await call(path(on, `plan?${query}`), { signal })).json());
  if (agreed) await call(path(on, 'action'), { method: 'POST', body: JSON.stringify(agreed), headers: { 'Content-Type': 'application/json' } });
}

async function pressed(event) {
  const button = event.target.closest('button');
  if (!button || button.getAttribute('aria-disabled') === 'true' || button.closest('dialog')) return;
  state.failed = '';
  const on = state.drawn;
  try {
    if (button.dataset.do) await act(button);
    if (button.dataset.stop) await call(`/api/action/${button.dataset.stop}`, { method: 'DELETE' });
    if (button.dataset.hide) state.hidden = Number(button.dataset.hide);
    if ('file' in button.dataset) {
      state.plan = 'asked';
      draw();
      const plan = await (await call(path(on, 'file'))).json();
      if (on === state.drawn) state.plan = plan;
    }
  } catch (failed) {
    if ('file' in button.dataset && on === state.drawn) state.plan = { error: failed.message };
    else state.failed = failed.message;
  }
  draw();
}

element('main').addEventListener('click', pressed);
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault(); // the address names the stack
  element('main').focus();
});
addEventListener('hashchange', () => {
  dismiss(); // it is about the stack that was shown
  if (hasToken()) {
    state.plan = null;
    begin();
    return;
  }
  state.plan = null;
  state.said = '';
  draw();
  follow();
});
document.addEventListener('visibilitychange', () => (document.hidden ? connection?.abort() : follow()));
setInterval(draw, 5000); // times go on

// begin takes the token of the address, and follows. A token that was good before may still be.
async function begin() {
  try {
    await takeToken();
  } catch (failed) {
    state.refused = failed.message;
    draw();
    if (!sessionStorage.getItem('token')) return;
  }
  follow();
}

begin();
