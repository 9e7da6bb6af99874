// Puts the page together. A section is {id, title, lead, content} or null where the document has nothing for it.
'use strict';

const renderSection = (section) =>
  el(
    'section',
    {class: 'card', id: section.id, 'aria-labelledby': section.id + '-title'},
    el('h2', {id: section.id + '-title'}, section.title),
    section.lead && el('p', {class: 'lead'}, section.lead),
    section.content,
  );

// One broken section must not take the page with it.
const made = (make, argument) => {
  try {
    return make(argument);
  } catch (error) {
    console.error(error);
    return null;
  }
};

const wholeSections = [verdictSection, comparisonSection, searchSection, paretoSection];
const planSections = [
  partitionSection,
  timelineSection,
  memorySection,
  clusterSection,
  rooflineSection,
  communicationSection,
  tornadoSection,
  evidenceSection,
];
const explanationSections = [
  measuredSection,
  againstSection,
  lintSection,
  counterfactualSection,
  hidingSection,
  breakEvenSection,
  ledgerSection,
];
const lastSections = [notesSection];

const contents = (sections) =>
  el(
    'nav',
    {class: 'toc', 'aria-label': 'Contents'},
    el(
      'ol',
      {},
      sections.map((section) => el('li', {}, el('a', {href: '#' + section.id}, section.title))),
    ),
  );

// The plans that have sections of their own, chosen with a radio button each, or from a list where there are many.
const MOST_BUTTONS = 8;
const planChooser = (choose, chosen) => {
  const {plans, path} = detailed;
  const name = (i, tag) => [tag(path + pointer(i, 'name'))];
  if (plans.length < 2) {
    return el(
      'div',
      {class: 'chooser'},
      el('span', {class: 'name'}, 'Plan'),
      str(path + '/0/name'),
      fitsBadge(plans[0]),
    );
  }
  if (plans.length <= MOST_BUTTONS) {
    return el(
      'div',
      {class: 'chooser'},
      el('span', {class: 'name', id: 'plan-label'}, 'Plan'),
      el(
        'fieldset',
        {role: 'radiogroup', 'aria-labelledby': 'plan-label'},
        plans.map((plan, i) =>
          el(
            'label',
            {class: 'choice'},
            el('input', {
              type: 'radio',
              name: 'plan',
              value: i,
              checked: i === chosen,
              onchange: () => choose(i),
            }),
            name(i, str),
          ),
        ),
      ),
    );
  }
  return el(
    'div',
    {class: 'chooser'},
    el('label', {class: 'name', for: 'plan'}, 'Plan'),
    el(
      'select',
      {id: 'plan', onchange: (event) => choose(Number(event.target.value))},
      plans.map((plan, i) =>
        el('option', {value: i, selected: i === chosen, 'data-text': path + pointer(i, 'name')}, plan.name),
      ),
    ),
  );
};

const firstPlan = () => {
  const best = report.explained || (report.ranking || [])[0];
  const i = detailed.plans.findIndex((plan) => plan.name === best);
  return Math.max(i, 0);
};

const buildPage = () => {
  const page = document.getElementById('page');
  const planPart = el('div', {id: 'plan-part'});
  const present = (list, argument) => list.map((make) => made(make, argument)).filter(Boolean);
  const nav = el('div', {});
  const whole = present(wholeSections);
  const explained = report.explanation ? present(explanationSections) : [];
  const last = present(lastSections);

  const showPlan = (i) => {
    charts.drop(planPart);
    const context = {
      plan: detailed.plans[i],
      path: detailed.path + pointer(i),
      extra: pointer('page', 'plans', i),
    };
    const sections = present(planSections, context);
    planPart.replaceChildren(...sections.map(renderSection));
    nav.replaceChildren(contents([...whole, ...sections, ...explained, ...last]));
    watchSections();
  };

  const chosen = firstPlan();
  const many = detailed.plans.length > 0;
  page.replaceChildren(
    pageHeader(),
    el(
      'div',
      {class: 'layout'},
      nav,
      el(
        'main',
        {id: 'main', tabindex: -1},
        whole.map(renderSection),
        many && planChooser(showPlan, chosen),
        planPart,
        explained.length > 0 &&
          el('p', {class: 'chooser'}, el('span', {class: 'name'}, 'Explained'), str('/explained')),
        explained.map(renderSection),
        last.map(renderSection),
      ),
    ),
    pageFooter(),
  );
  if (many) showPlan(chosen);
  else nav.replaceChildren(contents([...whole, ...explained, ...last]));
};

// Marks the section in view in the contents.
let sectionWatch = null;
const watchSections = () => {
  if (sectionWatch) sectionWatch.disconnect();
  const links = new Map([...document.querySelectorAll('.toc a')].map((a) => [a.hash.slice(1), a]));
  sectionWatch = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        links.forEach((link) => link.removeAttribute('aria-current'));
        const link = links.get(entry.target.id);
        if (link) link.setAttribute('aria-current', 'true');
      }
    },
    {rootMargin: '-20% 0px -70% 0px'},
  );
  document.querySelectorAll('section.card').forEach((section) => sectionWatch.observe(section));
};

let closedForPrint = [];
window.addEventListener('beforeprint', () => {
  closedForPrint = [...document.querySelectorAll('details:not([open])')];
  closedForPrint.forEach((details) => {
    details.open = true;
  });
  theme.print(true);
  charts.print(true);
});
window.addEventListener('afterprint', () => {
  closedForPrint.forEach((details) => {
    details.open = false;
  });
  theme.print(false);
  charts.print(false);
});

buildPage();
document.documentElement.dataset.ready = 'true';
