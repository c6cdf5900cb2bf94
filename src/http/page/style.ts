/** The style of the page: two sets of colours, by the system's choice or the reader's, and one column where there is no room for more. */
export const style: string = `
:root {
  color-scheme: light;
  --back: #f4f5f7; --card: #ffffff; --line: #dcdfe5; --text: #1a1f29; --faint: #5c6576; --accent: #1f5fbf; --soft: #e6eefa;
  --ok: #14713c; --bad: #b8322a; --warn: #8f5f00; --busy: #1f5fbf; --idle: #6c7688; --oksoft: #e2f4e9; --badsoft: #fbe7e5; --warnsoft: #fbf0d9;
}
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { color-scheme: dark;
  --back: #12151b; --card: #1b2029; --line: #303846; --text: #e6e9ef; --faint: #9aa4b5; --accent: #7fb0ff; --soft: #22304a;
  --ok: #5fcf8d; --bad: #ff8a80; --warn: #e8b64c; --busy: #7fb0ff; --idle: #8d97a9; --oksoft: #1a3527; --badsoft: #432523; --warnsoft: #3b301a; } }
:root[data-theme="dark"] { color-scheme: dark;
  --back: #12151b; --card: #1b2029; --line: #303846; --text: #e6e9ef; --faint: #9aa4b5; --accent: #7fb0ff; --soft: #22304a;
  --ok: #5fcf8d; --bad: #ff8a80; --warn: #e8b64c; --busy: #7fb0ff; --idle: #8d97a9; --oksoft: #1a3527; --badsoft: #432523; --warnsoft: #3b301a; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--back); color: var(--text); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 18px; margin: 0; letter-spacing: .01em; } h2 { font-size: 14px; margin: 0; } h3 { font-size: 13px; margin: 16px 0 4px; color: var(--faint); }
header { display: flex; align-items: center; gap: 12px; padding: 10px 20px; background: var(--card); border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 2; }
.grow { flex: 1; } .faint { color: var(--faint); } .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 8px; top: 8px; z-index: 3; background: var(--card); padding: 4px 8px; }
main { max-width: 1240px; margin: 0 auto; padding: 16px 20px 40px; display: grid; gap: 16px; }
main > * { min-width: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; outline: none; }
.cardhead { display: flex; justify-content: space-between; align-items: baseline; margin-bottom: 8px; }
.link { font-size: 12.5px; color: var(--faint); } .link::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%; background: var(--idle); margin-right: 6px; }
.link.live::before { background: var(--ok); } .link.lost::before { background: var(--bad); }
.alarm { margin: 0; padding: 10px 20px; background: var(--badsoft); color: var(--bad); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(9, 1fr); gap: 10px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; min-width: 0; }
.tile b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; font-weight: 650; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tile span { display: block; color: var(--faint); font-size: 12.5px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; } .tile.bad b { color: var(--bad); } .tile.ok b { color: var(--ok); } .tile.busy b { color: var(--busy); } .tile.none b { color: var(--faint); font-weight: 500; }
#chart { display: block; width: 100%; height: 120px; background: linear-gradient(var(--line), var(--line)) 0 100% / 100% 1px no-repeat; }
#chart .area { fill: var(--soft); } #chart .line { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.states { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-top: 10px; font-size: 12.5px; color: var(--faint); }
.bar { flex: 1 0 100%; display: flex; height: 10px; border-radius: 5px; overflow: hidden; background: var(--line); }
.bar i { display: block; flex-basis: 0; min-width: 0; } .dot { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px; }
.s-waiting { background: var(--warn); } .s-ready { background: var(--idle); } .s-leased { background: #8a6fd1; } .s-running { background: var(--busy); } .s-succeeded { background: var(--ok); } .s-failed { background: var(--bad); } .s-cancelled { background: #9aa4b5; }
nav { display: flex; gap: 4px; border-bottom: 1px solid var(--line); }
nav button { border: 0; background: none; border-bottom: 3px solid transparent; border-radius: 0; padding: 8px 14px; color: var(--faint); }
nav button[aria-selected="true"] { color: var(--text); border-bottom-color: var(--accent); font-weight: 600; }
button, input, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 5px 10px; min-height: 32px; }
button { cursor: pointer; } button:hover:not(:disabled) { border-color: var(--accent); } button:disabled { opacity: .45; cursor: default; }
button.small { padding: 1px 8px; min-height: 26px; font-size: 12.5px; } button.danger { color: var(--bad); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.tools { display: flex; flex-wrap: wrap; gap: 8px; margin-bottom: 10px; align-items: end; }
.tools label { display: grid; gap: 2px; font-size: 12px; color: var(--faint); } .tools label.wide { flex: 1 1 220px; } .tools input { width: 100%; } .tools input[type="checkbox"] { width: auto; min-height: 0; }
.tools label.check { display: flex; align-items: center; gap: 6px; min-height: 32px; }
.problem { color: var(--bad); margin: 0 0 8px; }
.w-state { width: 108px; } .w-acts { width: 88px; } .w-host { width: 22%; } .w-load { width: 21%; } .w-few { width: 72px; } .w-time { width: 88px; } .w-tags { width: 18%; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th { text-align: left; font-weight: 600; font-size: 12px; color: var(--faint); border-bottom: 1px solid var(--line); padding: 6px 8px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
td { border-bottom: 1px solid var(--line); padding: 5px 8px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; height: 38px; font-variant-numeric: tabular-nums; }
th button { border: 0; padding: 0; min-height: 0; background: none; font: inherit; color: inherit; max-width: 100%; overflow: hidden; text-overflow: ellipsis; }
th button:hover { text-decoration: underline; } th[aria-sort="ascending"] button::after { content: " ↑"; } th[aria-sort="descending"] button::after { content: " ↓"; }
tbody tr { cursor: pointer; } tbody tr:hover { background: var(--soft); } tbody tr:focus-visible { outline-offset: -2px; } td.acts { text-align: right; overflow: visible; } .num { text-align: right; }
.badge { display: inline-block; padding: 0 8px; border-radius: 9px; font-size: 12px; line-height: 20px; background: var(--soft); color: var(--busy); }
.badge.succeeded { background: var(--oksoft); color: var(--ok); } .badge.failed, .badge.timeout, .badge.lost, .badge.rejected { background: var(--badsoft); color: var(--bad); }
.badge.waiting { background: var(--warnsoft); color: var(--warn); } .badge.open { background: var(--oksoft); color: var(--ok); } .badge.cancelled, .badge.ready, .badge.away { background: var(--line); color: var(--faint); }
.tag { display: inline-block; font-size: 12px; padding: 0 6px; margin-right: 4px; border-radius: 4px; background: var(--soft); color: var(--accent); border: 0; min-height: 0; }
.load { display: inline-block; vertical-align: middle; width: 64px; height: 8px; margin-right: 8px; }
.load rect.base { fill: var(--line); } .load rect.used { fill: var(--busy); }
table[aria-busy="true"] tbody { opacity: .45; transition: opacity .15s .35s; }
.empty { padding: 26px 8px; text-align: center; color: var(--faint); }
.pager { display: flex; justify-content: space-between; align-items: center; margin-top: 10px; gap: 8px; flex-wrap: wrap; }
dialog { border: 1px solid var(--line); border-radius: 10px; background: var(--card); color: var(--text); width: min(860px, calc(100vw - 32px)); max-height: calc(100vh - 48px); padding: 18px 20px; overflow: auto; }
dialog#ask { width: min(440px, calc(100vw - 32px)); } dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog pre { background: var(--back); border: 1px solid var(--line); border-radius: 6px; padding: 10px; overflow: auto; max-height: 300px; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 10px 0; } dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
.row { display: flex; gap: 8px; align-items: center; flex-wrap: wrap; } .row.end { justify-content: flex-end; margin-top: 14px; }
kbd { font: inherit; font-size: 12px; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 6px; }
.graphframe { overflow: auto; max-height: 62vh; border: 1px solid var(--line); border-radius: 6px; margin: 8px 0; background: var(--back); }
.graph { display: block; } .graph text { fill: var(--text); font-size: 12px; pointer-events: none; } .graph text.faint { fill: var(--faint); font-size: 11px; }
.graph [role="button"] { cursor: pointer; outline: none; } .graph .ground { fill: var(--card); stroke: var(--line); stroke-width: 1.5; } .graph [role="button"]:hover .ground { fill: var(--soft); }
.graph .g-failed .ground { stroke: var(--bad); } .graph .g-running .ground, .graph .g-assigned .ground { stroke: var(--busy); } .graph .g-finished .ground { stroke: var(--ok); } .graph .g-removed .ground { stroke-dasharray: 4 3; }
.graph [role="button"]:focus-visible .ground { stroke: var(--accent); stroke-width: 3.5; } .graph .links { stroke: var(--idle); opacity: .55; }
.graph .part { fill: var(--idle); } .graph .part.g-failed { fill: var(--bad); } .graph .part.g-running, .graph .part.g-assigned { fill: var(--busy); } .graph .part.g-ready { fill: var(--accent); opacity: .6; } .graph .part.g-finished { fill: var(--ok); } .graph .part.g-removed { fill: var(--line); }
@media (max-width: 1100px) { .tiles { grid-template-columns: repeat(5, 1fr); } }
@media (max-width: 720px) {
  header { padding: 8px 12px; } main { padding: 12px 10px 32px; gap: 12px; } .card { padding: 12px 10px; }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: 6px; } .tile { padding: 8px; } .tile b { font-size: 17px; }
  .opt { display: none; } .w-state { width: 92px; } .w-acts { width: 76px; } .w-host { width: auto; } .w-load { width: 104px; } .w-few { width: 46px; } .w-time { width: 62px; } th, td { padding: 5px 4px; } .tools label, .tools label.wide { flex: 1 1 130px; } .load { width: 34px; }
}
@media (prefers-reduced-motion: no-preference) { tbody tr { transition: background .12s; } }
`;
