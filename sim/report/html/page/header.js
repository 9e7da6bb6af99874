// The head of the page: what was asked, what comes out, how sure that is.
'use strict';

const scenarioFacts = () => {
  const scenario = report.scenario;
  const fact = (name, ...nodes) => el('li', {}, name + ' ', el('b', {}, nodes));
  return el(
    'ul',
    {class: 'facts'},
    fact('Model', str('/scenario/model')),
    fact('Cluster', str('/scenario/cluster')),
    fact(
      'Batch',
      num('/scenario/global_batch', 'count'),
      ' sequences of ',
      num('/scenario/sequence_length', 'count'),
      ' tokens',
    ),
    fact('Tokens per step', num('/scenario/tokens_per_step', 'scaled')),
    fact('Precision', str('/scenario/precision')),
    fact('Optimizer', str('/scenario/optimizer')),
    scenario.price &&
      fact(
        'Price',
        num('/scenario/price/per_gpu_hour', 'three_digits'),
        ' ',
        str('/scenario/price/currency'),
        ' per GPU and hour',
      ),
  );
};

const printButton = () => el('button', {type: 'button', onclick: () => window.print()}, 'Print');

const themeButton = () => {
  const button = el('button', {type: 'button', onclick: theme.toggle});
  const name = () => {
    button.textContent = theme.isDark() ? 'Light' : 'Dark';
  };
  theme.onChange(name);
  name();
  return button;
};

const pageHeader = () =>
  el(
    'header',
    {class: 'top'},
    el(
      'div',
      {},
      el(
        'div',
        {class: 'row'},
        el('div', {class: 'brand'}, 'Lockstep ', el('span', {}, str('/command'))),
        el('div', {}, themeButton(), ' ', printButton()),
      ),
      el('h1', {}, str('/scenario/name')),
      report.scenario.description && el('p', {class: 'quiet'}, str('/scenario/description')),
      scenarioFacts(),
    ),
  );

const fitsBadge = (plan) => {
  if (!plan.legal) return badge('bad', 'not legal');
  if (plan.step_time_s.value === null) return badge('bad', 'no route');
  return plan.feasible ? badge('good', 'fits') : badge('bad', 'too big');
};

const tile = (what, value, ...more) =>
  el(
    'div',
    {class: value.words ? 'tile wide' : 'tile'},
    el('div', {class: 'what'}, what),
    el('div', {class: 'value' + (value.words ? ' words' : '')}, value.words || value),
    el('div', {class: 'more'}, more),
  );

const tilesOf = (plan, path) => {
  const interval = (key, format) => num(path + '/' + key, format, {class: 'n quiet'});
  const run =
    plan.run &&
    tile(
      'The whole run',
      num(path + '/run/time_s/value', 'duration'),
      num(path + '/run/time_s', 'interval_duration'),
      plan.run.cost && [
        ' · ',
        num(path + '/run/cost/value', 'scaled'),
        ' ',
        str('/scenario/price/currency'),
      ],
    );
  return el(
    'div',
    {class: 'tiles'},
    tile(
      'Step time',
      num(path + '/step_time_s/value', 'duration'),
      interval('step_time_s', 'interval_duration'),
    ),
    tile(
      'Tokens per second and GPU',
      num(path + '/tokens_per_s_per_gpu/value', 'three_digits'),
      interval('tokens_per_s_per_gpu', 'interval_plain'),
    ),
    tile(
      'Model FLOPs utilization',
      num(path + '/mfu/value', 'percent'),
      interval('mfu', 'interval_percent'),
      ' ',
      '%',
    ),
    tile(
      'Peak memory',
      num(path + '/peak_memory_bytes/value', 'memory'),
      'of ',
      num(path + '/usable_memory_bytes', 'memory'),
      ' ',
      fitsBadge(plan),
    ),
    tile('Bound by', {words: str(path + '/bound')}),
    tile('Probability that it fits', num(path + '/fit_probability', 'probability')),
    run,
  );
};

// Which of the plans is the verdict about: the first of the ranking, or the best that was found.
const bestPlan = () => {
  if (report.plans) {
    const i = report.plans.findIndex((plan) => plan.name === report.ranking[0]);
    return i < 0 ? null : {plan: report.plans[i], path: pointer('plans', i)};
  }
  return report.best && report.best.length ? {plan: report.best[0], path: '/best/0'} : null;
};

const planPath = (name) =>
  pointer(
    'plans',
    report.plans.findIndex((plan) => plan.name === name),
  );

const comparisonSentence = (comparison, i) => {
  const path = pointer('comparisons', i);
  const names = [str(path + '/faster', {class: 'strong'}), str(path + '/slower')];
  const chance = num(path + '/probability', 'probability');
  if (comparison.tie)
    return [names[0], ' and ', names[1], ' are a tie: the first is faster with probability ', chance, '.'];
  return [
    names[0],
    ' is faster than ',
    names[1],
    ' with probability ',
    chance,
    '.',
    comparison.decided_by && [
      ' The widest unknown between them: ',
      el('code', {}, str(path + '/decided_by/path')),
      '.',
    ],
  ];
};

const verdictSentence = (best) => {
  const {plan, path} = best;
  const name = el('strong', {}, str(path + '/name'));
  const step = [
    num(path + '/step_time_s/value', 'duration'),
    ' ',
    num(path + '/step_time_s', 'interval_duration'),
  ];
  const sure = [' (', num('/interval', 'percent'), ' interval).'];
  if (!plan.legal)
    return [name, ' breaks a rule: nothing is predicted. ', str(path + '/infeasible_reason')];
  if (plan.step_time_s.value === null)
    return [name, ' cannot run: it ', str(path + '/infeasible_reason'), '.'];
  if (!plan.feasible) {
    return [
      name,
      ' does not fit: ',
      str(path + '/infeasible_reason'),
      '. Its step would take ',
      step,
      sure,
    ];
  }
  if (report.command === 'search') return ['The best plan found is ', name, ': a step takes ', step, sure];
  if (report.plans.length > 1) return [name, ' is the fastest plan that fits: a step takes ', step, sure];
  return [name, ' fits, and a step takes ', step, sure];
};

const searchTies = () =>
  (report.groups || [])
    .slice(0, 1)
    .filter((group) => group.last > group.first)
    .map(() => [
      'The best ',
      num('/groups/0/last', 'count'),
      ' plans are a tie: the model cannot tell them apart.',
    ]);

const verdictSection = () => {
  const best = bestPlan();
  const content = [];
  if (!best) content.push(el('p', {class: 'verdict'}, 'No plan fits.'));
  else {
    content.push(el('p', {class: 'verdict'}, verdictSentence(best)));
    if (best.plan.legal) content.push(tilesOf(best.plan, best.path));
    content.push(el('p', {}, str(best.path + '/summary')));
  }
  const sentences = (report.comparisons || []).map(comparisonSentence).concat(searchTies());
  if (sentences.length) content.push(list(sentences));
  return {id: 'verdict', title: 'Verdict', content};
};
