// What the numbers leave out, and where the page comes from.
'use strict';

const planNotes = () =>
  detailed.plans.flatMap((plan, i) =>
    (plan.notes || []).map((_, n) => [
      el('strong', {}, str(detailed.path + pointer(i, 'name'))),
      ': ',
      str(detailed.path + pointer(i, 'notes', n)),
    ]),
  );

const notesSection = () => {
  const left = report.not_modelled || [];
  const notes = planNotes();
  if (!left.length && !notes.length) return null;
  return {
    id: 'notes',
    title: 'Not in the numbers',
    content: [
      left.length > 0 && list(left.map((_, i) => str(pointer('not_modelled', i)))),
      notes.length > 0 && el('h3', {}, 'Notes'),
      notes.length > 0 && list(notes),
    ],
  };
};

const pageFooter = () =>
  el(
    'footer',
    {class: 'foot'},
    report.page &&
      report.page.command &&
      el('p', {}, 'The same again: ', el('code', {}, str('/page/command'))),
    el(
      'p',
      {},
      'Lockstep',
      report.page && report.page.version && [' ', str('/page/version')],
      '. Intervals hold ',
      num('/interval', 'percent'),
      ' of the probability. This file loads nothing from anywhere.',
    ),
    el(
      'p',
      {},
      'Charts: Apache ECharts, © The Apache Software Foundation, Apache License, Version ',
      el('span', {class: 'static'}, '2.0'),
      '; it holds parts of D',
      el('span', {class: 'static'}, '3'),
      ', © Mike Bostock, BSD license.',
    ),
  );
