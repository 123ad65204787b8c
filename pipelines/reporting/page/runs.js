// The list of a folder's runs.

const COLUMNS = [
  ['', (run) => (run.picture ? element('img', { className: 'small', src: run.picture, alt: '' }) : ''), null],
  ['Run', (run) => (run.url ? element('a', { href: run.url }, run.name) : run.name), (run) => run.name],
  ['Video', (run) => run.video, (run) => run.video],
  ['State', (run) => run.state, (run) => run.state],
  ['People', (run) => (run.people === null ? '' : String(run.people)), (run) => run.people ?? -1],
  ['Frames', (run) => String(run.frames) + (run.lost ? ` (${run.lost} lost)` : ''), (run) => run.frames],
  ['Seconds spent', (run) => run.seconds.toFixed(1), (run) => run.seconds],
  ['Problems', (run) => problemsOf(run), (run) => -run.problems.length],
];

function problemsOf(run) {
  if (!run.problems.length) return '';
  if (run.problems.length === 1) return run.problems[0];
  const list = element('ul', {}, ...run.problems.map((text) => element('li', {}, text)));
  return element('details', {}, element('summary', {}, `${run.problems.length} warnings`), list);
}

function showRuns(runs) {
  const words = byId('find').value.trim().toLowerCase();
  const troubled = byId('only-problems').checked;
  const fits = (run) => `${run.name} ${run.video}`.toLowerCase().includes(words) && (!troubled || run.problems.length || run.state !== 'complete');
  new SortedTable(byId('table'), COLUMNS, runs.filter(fits), null, 'Runs');
}

const facts = JSON.parse(byId('facts').textContent);
document.title = `${facts.name} - posetube`;
byId('name').textContent = facts.name;
byId('headline').textContent = facts.runs.length === 1 ? '1 run' : `${facts.runs.length} runs`;
byId('find').oninput = byId('only-problems').onchange = () => showRuns(facts.runs);
showRuns(facts.runs);
