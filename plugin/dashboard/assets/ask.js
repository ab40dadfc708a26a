// The dialog that shows what an action would do, before it does.

import { h, show, words } from './dom.js';
import { planList } from './view.js';
import { verbs } from './words.js';

const dialog = document.getElementById('ask');

// ask shows the plan of an action and resolves to it, with the reason, when the reader agrees;
// else to null.
export function ask(action, getPlan) {
  const about = action.services.length ? action.services.join(', ') : 'all services';
  const title = `${verbs[action.do]} ${about}${action.release ? ` to release ${action.release}` : ''}?`;
  let ready = false;
  const draw = (content) => show(dialog, h('form', { method: 'dialog' },
    h('h2', { id: 'ask-title' }, title), h('div', { class: 'plan', 'data-key': 'plan' }, content),
    action.do === 'rollback' && h('label', null, 'Reason, for the history', h('input', { name: 'reason', autocomplete: 'off', maxlength: 200 })),
    h('div', { class: 'buttons', 'data-key': 'buttons' },
      h('button', { type: 'submit', value: 'no', formnovalidate: true }, 'Cancel'),
      h('button', { type: 'submit', value: 'yes', class: 'primary', 'aria-disabled': ready ? null : 'true' }, verbs[action.do]))));
  draw(h('p', { class: 'soft' }, 'Looking at what it would do …'));
  const agreed = new Promise((resolve) => {
    const refuse = (e) => { if (e.submitter?.value === 'yes' && !ready) e.preventDefault(); };
    dialog.addEventListener('submit', refuse);
    dialog.addEventListener('close', () => {
      dialog.removeEventListener('submit', refuse);
      const reason = dialog.querySelector('[name=reason]')?.value.trim() ?? '';
      resolve(dialog.returnValue === 'yes' && ready ? { ...action, reason } : null);
    }, { once: true });
  });
  dialog.returnValue = '';
  dialog.showModal();
  getPlan().then((plan) => {
    ready = !plan.error && (plan.changes || plan.notes?.length > 0);
    draw(planList(plan, 'Nothing to do.'));
  }, (failed) => draw(h('p', { class: 'remark bad' }, words(failed.message))));
  return agreed;
}
