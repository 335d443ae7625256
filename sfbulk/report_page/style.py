"""The look of the page: on a phone, on a wide screen and on paper, light and dark."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #181d26; --line: #dfe3ea; --soft: #f5f7fa;
  --mute: #586273; --in: #2f855a; --refused: #c53030; --skipped: #8a94a6; --deleted: #6b46c1;
  --left: #b7791f; --busy: #2563ab; --empty: #e8ebf0;
  --good-soft: #e7f5ec; --partly-soft: #fdf4df; --bad-soft: #fdeaea; --busy-soft: #e8f0fa }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #12161d; --text: #e6eaf0;
  --line: #313945; --soft: #1b212b; --mute: #9aa5b5; --in: #4fb783; --refused: #f07a72;
  --skipped: #7c8798; --deleted: #a78bfa; --left: #e0ac4f; --busy: #74adf0; --empty: #262d39;
  --good-soft: #14301f; --partly-soft: #33280e; --bad-soft: #3a1717; --busy-soft: #13263d } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; margin: 0 auto;
  max-width: 76rem; padding: 2rem 1.5rem 3rem; color: var(--text); background: var(--ground) }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; letter-spacing: -.01em }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .7rem }
p { margin: .3rem 0; overflow-wrap: anywhere }
code, .id { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere }
.note, .sub { color: var(--mute); font-size: .88rem }
.sub { display: block }
.ending { border-left: .35rem solid var(--mark); background: var(--back); border-radius: .4rem;
  padding: .8rem 1.1rem; margin-bottom: 1.2rem }
.ending b { color: var(--mark); font-size: 1.15rem }
.good { --mark: var(--in); --back: var(--good-soft) }
.partly { --mark: var(--left); --back: var(--partly-soft) }
.bad { --mark: var(--refused); --back: var(--bad-soft) }
.busy { --mark: var(--busy); --back: var(--busy-soft) }
.facts { display: grid; grid-template-columns: fit-content(40%) 1fr; gap: .1rem 1.2rem; margin: 0;
  font-size: .93rem }
.facts dt { color: var(--mute) }
.facts dt, .facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem;
  margin: 1.4rem 0 .8rem }
.tile { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem }
.tile b { display: block; font-size: 1.55rem; line-height: 1.25;
  font-variant-numeric: tabular-nums }
.tile span { color: var(--mute); font-size: .88rem }
.tile.refused b { color: var(--refused) } .tile.left b { color: var(--left) }
svg { display: block; width: 100%; border-radius: .2rem }
svg.bar { height: .6rem; min-width: 6rem } svg.whole { height: 1.3rem }
rect.ground { fill: var(--empty) } rect.in { fill: var(--in) } rect.refused { fill: var(--refused) }
rect.skipped { fill: var(--skipped) } rect.deleted { fill: var(--deleted) }
rect.left { fill: var(--left) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .5rem 0 0; padding: 0;
  list-style: none; font-size: .9rem }
.legend svg { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem;
  vertical-align: -.05rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .7rem; text-align: left;
  vertical-align: top }
th { color: var(--mute); font-size: .85rem; font-weight: 600; white-space: nowrap;
  vertical-align: bottom }
td { overflow-wrap: anywhere }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.chart { width: 17%; min-width: 7rem; padding-top: .85rem }
td.time { min-width: 6.5rem } td.state { white-space: nowrap }
td.name { min-width: 14rem; font-weight: 600 }
.jobs td.name { min-width: 11rem } td.name .sub { font-weight: 400 }
td b.refused { color: var(--refused) } td b.left { color: var(--left) }
details.group { border: 1px solid var(--line); border-radius: .5rem; margin: .8rem 0 }
summary { cursor: pointer; overflow-wrap: anywhere; color: var(--mute); font-size: .88rem }
.group > summary { color: inherit; padding: .6rem 1rem; background: var(--soft); font-size: 1rem;
  border-radius: .5rem }
.group[open] > summary { border-radius: .5rem .5rem 0 0 }
.sample details { margin: .3rem 0 } .sample summary { padding: .2rem 0 }
summary b { color: var(--refused) }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr));
  gap: 1rem; padding: 1rem }
.sample { min-width: 0; break-inside: avoid }
.sample p.message { margin: 0 0 .5rem; white-space: pre-wrap }
.sample dl { display: grid; grid-template-columns: fit-content(55%) 1fr; gap: 0; margin: 0;
  font-size: .9rem; border: 1px solid var(--line); border-radius: .3rem }
.sample dt, .sample dd { margin: 0; padding: .2rem .6rem; border-top: 1px solid var(--line);
  min-width: 0; overflow-wrap: anywhere }
.sample dt:first-of-type, .sample dd:first-of-type { border-top: 0 }
.sample dt { color: var(--mute) }
.sample dd { white-space: pre-wrap }
.sample .wrong { background: var(--bad-soft) } .sample dt.wrong { color: var(--refused) }
i.null, i.cut { color: var(--mute) }
i.unseen { font: 600 .78em/1 ui-monospace, monospace; color: var(--busy); unicode-bidi: isolate;
  border: 1px solid var(--line); border-radius: .2rem; padding: 0 .2rem; white-space: nowrap }
bdi { unicode-bidi: isolate }
footer { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: .8rem }
@media screen and (max-width: 64rem) {
  body { padding: 1rem .9rem 2rem }
  .facts { grid-template-columns: 1fr } .facts dd { margin-bottom: .4rem }
  .tile b { font-size: 1.3rem }
  thead { position: absolute; left: -999rem }
  table, tbody, tr, td { display: block }
  tr { border: 1px solid var(--line); border-radius: .5rem; margin-bottom: .8rem;
    padding: .4rem .8rem }
  td, td.chart, .jobs td.name, td.name { border: 0; padding: .1rem 0 .1rem 7.5rem;
    position: relative; text-align: left; width: auto; min-width: 0; min-height: 1.5em }
  td.time { min-width: 0 } td.state { white-space: normal }
  td:empty { display: none }
  td::before { content: attr(data-head); color: var(--mute); position: absolute; left: 0;
    font: 400 .88rem/1.7 system-ui, sans-serif }
  td.name { padding-left: 0; font-size: 1.05rem } td.name::before { display: none }
  td.chart { padding: .35rem 0 } td.chart::before { display: none }
  td.chart .sub { display: none }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact }
  details.group::details-content { content-visibility: visible; display: block }
  .wide { overflow: visible } table { font-size: 8pt } th { font-size: 7pt }
  th, td { padding: .25rem .3rem } td.chart { padding-top: .45rem; min-width: 0; width: 14% }
  td.name, .jobs td.name { min-width: 7rem } td .sub { font-size: 7.5pt }
  th, td.number { white-space: normal; overflow-wrap: normal }
  svg.bar { min-width: 2.5rem } td.time { min-width: 0 }
  h2, summary { break-after: avoid } tr, .tile, .ending { break-inside: avoid }
  @page { margin: 1.5cm }
}
"""
