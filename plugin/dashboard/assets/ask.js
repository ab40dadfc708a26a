// The dialog that shows what an action would do, before it does.

import { h, show, words } from './dom.js';
import { planList } from './view.js';
import { verbs, what } from './words.js';

const dialog = document.getElementById('ask');

// Enter after a reason would press the first button, which is Cancel.
dialog.addEventListener('keydown', (e) => { if (e.key === 'Enter' && e.target.name === 'reason') e.preventDefault(); });

let leave = () => {};

// dismiss ends the question that is open, as Cancel does.
export function dismiss() {
  leave();
  if (dialog.open) dialog.close('no');
}

// ask shows the plan of an action on a stack. When the reader agrees, it resolves to the action with
// the reason and what that plan rests on; else to null. getPlan gets a signal, and ends with the
// question: a plan that comes late is not drawn into the next one.
export function ask(stack, action, getPlan) {
  dismiss();
  const asking = new AbortController();
  const { signal } = asking;
  let shown = null; // the plan, once it can be agreed to
  const draw = (content) => show(dialog, h('form', { method: 'dialog' },
    h('h2', { id: 'ask-title' }, `${what(stack, action)}?`), h('div', { class: 'plan', 'data-key': 'plan' }, content),
    action.do === 'rollback' && h('label', null, 'Reason, for the history', h('input', { name: 'reason', autocomplete: 'off', maxlength: 200 })),
    h('div', { class: 'buttons', 'data-key': 'buttons' },
      h('button', { type: 'submit', value: 'no', formnovalidate: true }, 'Cancel'),
      h('button', { type: 'submit', value: 'yes', class: 'primary', 'aria-disabled': shown ? null : 'true' }, verbs[action.do]))));
  const answer = new Promise((resolve) => {
    leave = () => {
      asking.abort();
      resolve(null);
    };
    dialog.addEventListener('submit', (e) => { if (e.submitter?.value === 'yes' && !shown) e.preventDefault(); }, { signal });
    dialog.addEventListener('close', () => {
      if (dialog.open) return; // of the question before, told late
      const reason = dialog.querySelector('[name=reason]')?.value.trim() ?? '';
      if (dialog.returnValue === 'yes' && shown) resolve({ ...action, reason, expect: shown.stands });
      leave();
    }, { signal });
  });
  show(dialog); // what was typed before is not for this one
  draw(h('p', { class: 'soft' }, 'Looking at what it would do …'));
  dialog.returnValue = '';
  dialog.showModal();
  getPlan(signal).then((plan) => {
    if (signal.aborted) return;
    if (!plan.error && (plan.changes || plan.notes?.length > 0)) shown = plan;
    draw(planList(plan, 'Nothing to do.'));
  }, (failed) => {
    if (!signal.aborted) draw(h('p', { class: 'remark bad' }, words(failed.message)));
  });
  return answer;
}
