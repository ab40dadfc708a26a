// Times and numbers, as people read them.

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

const secondsSince = (time) => (Date.now() - Date.parse(time)) / 1000;

export const since = (time) => duration(secondsSince(time));
export const ago = (time) => (secondsSince(time) < 5 ? 'just now' : `${since(time)} ago`);
export const until = (time) => duration(-secondsSince(time));
export const isOver = (time) => secondsSince(time) >= 0;

// perSecond is a rate: small ones with a digit behind the point, so that one error is not none.
export function perSecond(n) {
  if (n === 0) return '0';
  if (n < 0.1) return '<0.1';
  return n < 10 ? n.toFixed(1) : Math.round(n).toLocaleString('en');
}

export const count = (n, one, many) => `${n} ${n === 1 ? one : many ?? `${one}s`}`;

export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

// verbs are what buttons say, by what they do.
export const verbs = { promote: 'Promote', rollback: 'Roll back', pause: 'Pause', resume: 'Resume', live: 'End maintenance' };

// what is an action in words, with its stack: pages of several stacks look alike.
export const what = (stack, { do: verb, services, release }) => `${verbs[verb]} ${services?.length ? services.join(', ') : 'all services'} of stack ${stack}${release ? ` to release ${release}` : ''}`;
