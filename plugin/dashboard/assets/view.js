// What the page shows: all stacks, or one of them.

import { h, words } from './dom.js';
import { ago, capital, since, verbs, what } from './words.js';
import { button, serviceCard } from './service.js';

export function stackLinks(stacks, current) {
  const names = [...new Set(stacks.map((s) => s.stack))];
  return names.length < 2 ? [] : [h('a', { href: '#/', 'aria-current': current ? null : 'page' }, 'All'),
    ...names.map((name) => h('a', { href: `#/${encodeURIComponent(name)}`, 'data-key': name, 'aria-current': name === current ? 'page' : null }, name))];
}

// overview has a card for each stack.
export function overview({ stacks, error }) {
  const byStack = Map.groupBy(stacks, (s) => s.stack);
  if (error) return [h('h1', null, 'Stacks'), h('p', { class: 'remark bad' }, words(error))];
  if (!byStack.size) {
    return [h('h1', null, 'Stacks'), h('div', { class: 'card empty' }, h('p', null, 'No stack on this swarm has a blue-green service yet.'),
      h('p', { class: 'soft' }, words('Give a service `x-bluegreen` in its compose file, and run `docker bluegreen up`.')))];
  }
  return [h('h1', null, 'Stacks', h('span', { class: 'soft' }, ` ${byStack.size}`)),
    [...byStack].map(([name, services]) => h('section', { class: 'card', 'data-key': name },
      h('h2', null, h('a', { href: `#/${encodeURIComponent(name)}` }, name)),
      h('ul', { class: 'brief' }, services.map(brief))))];
}

function brief(s) {
  const notes = [];
  if (s.state) notes.push(s.state);
  if (s.share > 0) notes.push(`${s.share} % to release ${s.idle}`);
  else if (s.waiting) notes.push(`release ${s.idle} waits`);
  if (s.watched) notes.push('watched');
  return h('li', { 'data-key': s.service },
    h('span', { class: 'name' }, s.service),
    s.active ? h('span', { class: `tag ${s.active}` }, capital(s.active), ` ${s.release}`) : h('span', { class: 'bad' }, 'no proxies'),
    h('span', { class: s.ready < s.wanted ? 'bad' : 'soft' }, `${s.ready}/${s.wanted}`),
    h('span', { class: 'rest' }, capital(notes.join(', '))),
    h('span', { class: 'soft when' }, s.flipped && `flipped ${ago(s.flipped)}`));
}

// stackPage is one stack, with the action that is under way, or the last one.
export function stackPage(view, action, filePlan) {
  const busy = action && !action.ended ? `${capital(action.do)} of ${action.stack} is under way` : null;
  const head = h('div', { class: 'title' }, h('h1', null, view.stack), view.status && stackButtons(view.status, busy));
  const shown = action && h('div', { 'data-key': 'action' }, actionCard(action));
  if (!view.status) {
    return [head, shown, view.error ? h('p', { class: 'remark bad' }, words(view.error)) : h('p', { class: 'soft' }, 'Looking at the swarm …')];
  }
  const { services, lock, drift } = view.status;
  const blueGreen = services.filter((s) => s.kind === 'bluegreen');
  const plain = services.filter((s) => s.kind !== 'bluegreen');
  return [head,
    view.error && h('p', { class: 'remark bad' }, 'What you see is older: ', words(view.error)),
    lock && h('p', { class: 'remark note lock' }, h('strong', null, lock.owner), lock.command ? ' runs ' : ' works on this stack', lock.command && h('code', null, lock.command), `, for ${since(lock.since)}`),
    shown,
    view.unasked && h('p', { class: 'remark warn' }, 'The proxies were not asked: ', words(view.unasked)),
    drift?.map((d) => h('p', { class: 'remark bad' }, words(d))),
    blueGreen.map((s) => serviceCard(s, { busy, rates: view.rates?.[s.name], releases: (view.history?.releases ?? []).filter((r) => r.service === s.name) })),
    plain.length > 0 && plainServices(plain),
    view.file && fileCard(filePlan)];
}

// stackButtons are for all services at once, with one order, where there are several.
function stackButtons({ services }, busy) {
  const of = services.filter((s) => s.kind === 'bluegreen' && s.route);
  if (of.length < 2) return null;
  const waits = of.some((s) => s.route.share > 0 || s.colors?.some((c) => c.waiting));
  const paused = of.some((s) => s.route.state === 'paused');
  return h('div', { class: 'buttons' },
    button('promote', {}, { label: 'Promote all', primary: waits, why: busy || (!waits && 'No release waits') }),
    button('rollback', {}, { label: 'Roll back all', why: busy }),
    button(paused ? 'resume' : 'pause', {}, { label: paused ? 'Resume all' : 'Pause all', why: busy }));
}

const marks = { working: '…', done: '✓', warning: '!', failed: '×' };

function actionCard(a) {
  let state = a.stopping ? 'stopping …' : 'under way';
  if (a.ended) state = a.code ? `ended with exit code ${a.code}` : 'done';
  return h('section', { class: `card action ${a.ended ? (a.code ? 'failed' : 'done') : 'working'}`, 'aria-label': 'Last action' },
    h('header', { class: 'head' },
      h('h2', null, what(a.stack, a)), h('p', { class: 'soft' }, state),
      h('div', { class: 'buttons' }, a.ended
        ? h('button', { type: 'button', 'data-hide': a.id }, 'Close')
        : h('button', { type: 'button', 'data-stop': a.id, 'aria-disabled': a.stopping ? 'true' : null }, 'Stop'))),
    h('ol', { class: 'steps' }, a.steps.map((e) => h('li', { class: e.state },
      h('span', { class: 'mark', 'aria-hidden': 'true' }, marks[e.state] ?? '·'),
      h('span', { class: 'label' }, `${e.service ?? ''} ${e.step}`.trim()), h('span', { class: 'text' }, words(e.text || e.state))))),
    a.text && h('p', { class: 'result' }, words(a.text)));
}

function plainServices(services) {
  return h('section', { class: 'card', 'data-key': 'plain' }, h('h2', null, 'Other services'),
    h('ul', { class: 'brief plain' }, services.map((s) => h('li', { 'data-key': s.name },
      h('span', { class: 'name' }, s.name),
      h('span', { class: s.swarm.ready < s.swarm.wanted ? 'bad' : 'soft' }, `${s.swarm.ready}/${s.swarm.wanted}`),
      h('span', { class: 'image rest' }, s.swarm.image)))));
}

function fileCard(plan) {
  return h('section', { class: 'card', 'data-key': 'file' },
    h('header', { class: 'head' }, h('h2', null, 'Compose file'),
      h('div', { class: 'buttons' }, h('button', { type: 'button', 'data-file': true, 'aria-disabled': plan === 'asked' ? 'true' : null }, 'What would up do?'))),
    plan === 'asked' && h('p', { class: 'soft' }, 'Reading the file, and asking the registries …'),
    plan && plan !== 'asked' ? planList(plan, 'Nothing to do: the swarm holds what the file says.') : null);
}

const signs = { create: '+', remove: '−', await: '…', order: '→', change: '~' };

// planList is a plan in words.
export function planList(plan, nothing) {
  if (plan.error) return h('p', { class: 'remark bad' }, words(plan.error));
  return h('div', { class: 'plan' },
    plan.warnings?.map((w) => h('p', { class: 'remark warn' }, words(w))),
    plan.notes?.map((n) => h('p', { class: 'remark note' }, words(n))),
    plan.steps.length ? h('ol', { class: 'steps' }, plan.steps.map((s) => h('li', { class: s.kind },
      h('span', { class: 'mark', 'aria-hidden': 'true' }, signs[s.kind]),
      h('span', { class: 'text' }, words(s.text), s.changes?.map((c) => h('span', { class: 'change' }, c.field, ': ', c.from && h('del', null, c.from), c.from && c.to && ' → ', c.to && h('ins', null, c.to))))))) : h('p', null, nothing),
    plan.waiting?.map((w) => h('p', { class: 'remark note' }, words(w))));
}

// summary is what a screen reader is told when it changes.
export function summary(view) {
  return (view?.status?.services ?? []).filter((s) => s.route).map((s) => {
    const share = s.route.share > 0 ? `, ${s.route.share} % to the other color` : '';
    const state = s.route.state ? `, ${s.route.state}` : '';
    return `${s.name}: ${s.route.active} is active${share}${state}${s.route.taken_back ? ', the traffic was taken back' : ''}`;
  }).join('. ');
}

export const outcome = (a) => (a.code ? `${verbs[a.do]} ended with exit code ${a.code}: ${a.text}` : `${verbs[a.do]} is done`);
