// One blue-green service: its two colors, what they answer, and its releases.

import { h, words } from './dom.js';
import { ago, capital, count, isOver, perSecond, since, until, verbs } from './words.js';

const other = { blue: 'green', green: 'blue' };

// button asks for an action, see ask in ask.js. Disabled ones stay in the order of tabs, and say why.
export function button(kind, action, { primary, why, label } = {}) {
  return h('button', {
    type: 'button', class: primary ? 'primary' : null, 'data-do': kind, 'data-services': JSON.stringify(action.services ?? []),
    'data-release': action.release, 'aria-disabled': why ? 'true' : null, title: why,
  }, label ?? verbs[kind]);
}

export function serviceCard(service, context) {
  const { rates, releases, busy } = context;
  const route = service.route;
  const colors = Object.fromEntries((service.colors ?? []).map((c) => [c.color, c]));
  return h('section', { class: 'card', 'data-key': `service-${service.name}`, 'aria-labelledby': `service-${service.name}` },
    h('header', { class: 'head' },
      h('h2', { id: `service-${service.name}` }, service.name),
      route && chips(route),
      route && h('div', { class: 'buttons' }, buttons(service, colors, busy))),
    !route && h('p', { class: 'remark bad' }, words('No proxy leads to this service. `docker bluegreen up` makes it.')),
    route && remarks(service),
    route && traffic(service),
    route && h('div', { class: 'colors' }, ['blue', 'green'].map((c) => panel(c, colors[c], service, rates))),
    route && proxies(service),
    releases.length > 0 && history(service, releases, busy));
}

function chips(route) {
  const list = [];
  if (route.state) list.push([capital(route.state), 'warn']);
  if (route.watched) list.push(['Watched', 'note']);
  if (route.taken_back) list.push(['Taken back', 'bad']);
  if (route.next) list.push(['Not settled', 'warn']);
  return h('ul', { class: 'chips' }, list.map(([text, kind]) => h('li', { class: `chip ${kind}` }, text)));
}

function buttons(service, colors, busy) {
  const { active, share, state } = service.route;
  const idle = colors[other[active]];
  const one = { services: [service.name] };
  const waits = idle?.waiting || share > 0;
  return [
    button('promote', one, { primary: waits, why: busy || (!waits && 'No release waits') }),
    button('rollback', one, { why: busy || (!idle && 'There is no other release') }),
    state === 'maintenance' ? button('live', one, { why: busy }) : button(state === 'paused' ? 'resume' : 'pause', one, { primary: state === 'paused', why: busy }),
  ];
}

// remarks are what needs a sentence.
function remarks(service) {
  const r = service.route;
  const list = [];
  if (r.next) list.push(['warn', `A flip to ${r.next} has begun and not ended. If no command works on it: the same button ends it, and Roll back undoes it.`]);
  if (r.taken_back) list.push(['bad', `The proxies have sent the traffic back to ${r.active}: ${r.taken_back}`]);
  else if (r.watched && r.until && !isOver(r.until)) list.push(['note', `The proxies watch the release on ${r.active} for ${until(r.until)} more. If it fails, they send the traffic back.`]);
  else if (r.watched && r.until) list.push(['note', `The proxies have watched the release on ${r.active} for its time. \`docker bluegreen wait ${service.name}\` ends that.`]);
  else if (r.watched) list.push(['note', 'The proxies watch the release that has a share.']);
  if (r.state === 'paused') list.push(['warn', 'Requests wait in the proxies until you resume.']);
  if (r.state === 'maintenance') list.push(['warn', 'Requests are refused with status 503.']);
  return list.map(([kind, text]) => h('p', { class: `remark ${kind}` }, words(text)));
}

const shareOf = (color, route) => (color === route.active ? 100 - route.share : route.share);

// traffic is a bar of who has how much. Its words are in the panels below.
function traffic({ route }) {
  const blue = shareOf('blue', route);
  return h('svg', { class: `bar${route.state ? ' held' : ''}`, viewBox: '0 0 100 1', preserveAspectRatio: 'none', role: 'img', 'aria-label': `Traffic: ${blue} % blue, ${100 - blue} % green` },
    h('rect', { class: 'blue', width: blue, height: 1 }),
    h('rect', { class: 'green', x: blue, width: 100 - blue, height: 1 }));
}

function panel(name, color, service, rates) {
  const { route } = service;
  const isActive = name === route.active;
  const share = shareOf(name, route);
  if (!color) {
    return h('div', { class: `color ${name} none`, 'data-key': name },
      h('h3', null, h('span', { class: 'swatch' }), capital(name)), h('p', { class: 'soft' }, 'No release yet'));
  }
  let state = 'Idle';
  if (isActive) state = 'Active';
  else if (route.share > 0) state = 'Canary';
  else if (color.waiting) state = 'Waits for promote';
  return h('div', { class: `color ${name}${isActive ? ' active' : ''}${share > 0 ? ' served' : ''}`, 'data-key': name },
    h('div', { class: 'line' },
      h('h3', null, h('span', { class: 'swatch' }), capital(name)),
      h('span', { class: `state${isActive ? ' on' : ''}${color.waiting && !isActive ? ' waits' : ''}` }, state)),
    h('div', { class: 'line big' },
      h('p', null, h('span', { class: 'soft' }, 'Release '), h('strong', null, String(color.release))),
      h('p', { class: share > 0 ? null : 'soft' }, h('strong', null, `${share} %`))),
    h('p', { class: 'image', title: color.swarm.digest || null }, breakable(color.swarm.image), color.swarm.digest && h('span', { class: 'soft' }, ` @${color.swarm.digest.replace(/^.*:/, '').slice(0, 8)}`)),
    tasks(color.swarm),
    figures(name, rates));
}

// breakable lets a long name go on in the next line before its version, not within it.
const breakable = (image) => image.split(/(?<=\/)|(?=:)/).map((part) => [part, h('wbr')]);

// tasks says how many run, with a mark for each of them where they fit.
function tasks({ ready, wanted, since: started }) {
  const enough = ready >= wanted;
  const marks = wanted > 0 && wanted <= 12
    && h('span', { class: 'marks', 'aria-hidden': 'true' }, Array.from({ length: Math.max(wanted, ready) }, (_, i) => h('i', { class: i < ready ? 'up' : null })));
  const text = wanted === 0 && ready === 0 ? 'Scaled to 0' : `${ready} of ${count(wanted, 'task')} ready`;
  return h('p', { class: `tasks${enough ? '' : ' bad'}` }, marks, text, started && ready > 0 && h('span', { class: 'soft' }, `, since ${since(started)}`));
}

// figures are requests and errors each second, now and in the last minutes. Both colors have one
// scale, so that what one loses is seen in the other.
function figures(name, rates) {
  if (!rates?.length) return h('p', { class: 'figures soft' }, 'Requests are counted …');
  const of = (r) => r.colors[name] ?? { requests: 0, failed: 0 };
  const last = of(rates.at(-1));
  const most = Math.max(1, ...rates.flatMap((r) => Object.values(r.colors).map((c) => c.requests)));
  const kept = Math.max(24, rates.length);
  const points = rates.map((r, i) => [kept - rates.length + i, of(r)]);
  const y = (n) => (27 - (n / most) * 25).toFixed(2);
  const line = points.map(([x, r], i) => `${i ? 'L' : 'M'}${x} ${y(r.requests)}`).join('');
  return h('div', { class: 'figures' },
    h('dl', null,
      h('div', null, h('dd', null, perSecond(last.requests)), h('dt', null, 'requests/s')),
      h('div', { class: last.failed > 0 ? 'bad' : null }, h('dd', null, perSecond(last.failed)), h('dt', null, 'errors/s'))),
    h('svg', { class: 'chart', viewBox: `0 0 ${kept - 1} 28`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      h('path', { class: 'area', d: `${line}L${kept - 1} 28L${kept - points.length} 28Z` }),
      h('path', { class: 'stroke', d: line }),
      points.filter(([, r]) => r.failed > 0).map(([x, r]) => h('path', { class: 'failed', d: `M${x} 28V${y(Math.max(r.failed, most / 12))}` }))));
}

// proxies says whether they do what is written down.
function proxies({ swarm, route, proxies: asked }) {
  const all = `${swarm.ready} of ${count(swarm.wanted, 'proxy', 'proxies')} ready`;
  if (!asked?.length) return h('p', { class: 'foot' }, all);
  const agree = asked.filter((p) => !p.error && p.sequence === route.sequence && p.active === route.active && p.share === route.share).length;
  const inFlight = asked.flatMap((p) => Object.values(p.in_flight ?? {})).reduce((a, b) => a + b, 0);
  const heard = agree === asked.length ? 'all follow this route' : `${agree} of ${asked.length} follow this route`;
  return h('p', { class: 'foot' }, `${all}, `, h('span', { class: agree === asked.length ? null : 'bad' }, heard), `, ${count(inFlight, 'request')} in flight`);
}

const outcomes = { active: 'good', shared: 'good', waiting: 'warn', failed: 'bad', 'taken back': 'bad', 'rolled back': 'warn' };

function history(service, releases, busy) {
  const newest = releases[0].created;
  return h('details', { class: 'history' },
    h('summary', null, 'History', h('span', { class: 'soft' }, `${count(releases.length, 'release')}${newest ? `, the last ${ago(newest)}` : ''}`)),
    h('table', null,
      h('thead', null, h('tr', null, ['Release', 'Created', 'By', 'Image', 'Outcome', ''].map((t) => h('th', { scope: 'col' }, t || h('span', { class: 'unseen' }, 'Action'))))),
      h('tbody', null, releases.map((r) => releaseRow(r, service, busy)))));
}

function releaseRow(r, service, busy) {
  const last = r.log?.at(-1);
  const back = !['active', 'shared', 'waiting', 'failed'].includes(r.outcome);
  return h('tr', { 'data-key': String(r.release) },
    h('th', { scope: 'row' }, h('span', { class: `swatch ${r.color}`, title: r.color }), String(r.release), r.again > 0 && h('span', { class: 'soft' }, ` (${r.again} again)`)),
    h('td', { class: 'short', 'data-label': 'Created', title: r.created }, r.created ? ago(r.created) : '–'),
    h('td', { class: 'short', 'data-label': 'By' }, r.by || '–', r.commit && h('span', { class: 'soft', title: `commit ${r.commit}` }, ` ${r.commit.slice(0, 8)}`)),
    h('td', { 'data-label': 'Image', class: 'image', title: r.image }, r.image?.replace(/^.*\//, '') || '–'),
    h('td', { 'data-label': 'Outcome' },
      h('span', { class: `outcome ${outcomes[r.outcome] ?? ''}` }, capital(r.outcome)), r.cause && `: ${r.cause}`,
      last?.receipt && h('span', { class: 'receipt soft' }, last.receipt)),
    h('td', null, back && button('rollback', { services: [service.name], release: r.release }, { label: 'Bring back', why: busy })));
}
