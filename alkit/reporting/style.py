"""How the page of a report looks."""

from __future__ import annotations

STYLE = """\
*{box-sizing:border-box}
:root{--shade:#f4f6f8;--alert:#fdf1e6}
@media (prefers-color-scheme:dark){:root{--shade:#1d2229;--alert:#33261a}}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:66rem;padding:2.5rem 1.5rem 4rem;
background:var(--c-ffffff);color:var(--c-1f242b);
font:1rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;
overflow-wrap:break-word}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .5rem;letter-spacing:-.01em}
h2{font-size:1.3rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:.9rem;
border-top:1px solid var(--c-dde1e6)}
p,ul,dl,pre,table,figure,details{margin:0 0 1rem}
p,li,dd,figcaption{max-width:46rem}
.lead{font-size:1.1rem;color:var(--c-65707d)}
nav ul{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;list-style:none;
margin:1.25rem 0 0;padding:0;font-size:.92rem}
a{color:var(--c-0072b2);text-underline-offset:.15em}
main ul{padding-left:1.2rem}
li{margin:.25rem 0}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem 1.25rem}
dt{color:var(--c-65707d)}
dd{margin:0}
.warning{background:var(--alert);border-left:4px solid var(--c-d55e00);padding:.7rem 1rem;
border-radius:0 .3rem .3rem 0}
.verdict{font-size:1.35rem;line-height:1.35;font-weight:600;border-left:4px solid var(--c-0072b2);
padding:.3rem 0 .3rem 1rem}
.wide{overflow-x:auto;margin:0 0 1rem}
.wide table{margin:0}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{padding:.35rem 1rem .35rem 0;text-align:right;
border-bottom:1px solid var(--c-dde1e6);vertical-align:baseline}
th{font-weight:600;white-space:normal;color:var(--c-65707d);border-bottom-color:var(--c-65707d)}
.word{text-align:left}
th:last-child,td:last-child{padding-right:0}
.small,figcaption,summary{font-size:.9rem;color:var(--c-65707d)}
summary{cursor:pointer;margin-bottom:.75rem}
figure{margin:1.25rem 0 1.75rem}
.drawings{display:flex;flex-wrap:wrap;gap:1rem 1.25rem;align-items:flex-start}
.drawing{flex:0 1 var(--w);max-width:100%;overflow-x:auto}
.drawing svg{display:block;width:var(--w);max-width:100%;min-width:calc(.72*var(--w));height:auto}
figcaption{margin-top:.6rem}
main .pictures{display:grid;grid-template-columns:repeat(auto-fill,var(--side));gap:.75rem .5rem;
list-style:none;padding:0;margin:0}
.pictures li{margin:0;max-width:none;font-size:.75rem;line-height:1.3}
.pictures i{display:block;width:var(--side);height:var(--side);border-radius:.2rem;
background:var(--strip) calc(-1*var(--side)*var(--place)) 0;print-color-adjust:exact}
.pictures span{display:block}
.pictures span+span{color:var(--c-65707d)}
.pictures .wrong{color:var(--c-d55e00)}
pre{overflow-x:auto;background:var(--shade);
padding:.9rem 1rem;border-radius:.3rem;font-size:.85rem;line-height:1.45}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
:focus-visible{outline:2px solid var(--c-0072b2);outline-offset:2px}
@media (max-width:34rem){body{padding:1.25rem 1rem 3rem}h1{font-size:1.5rem}
dl{grid-template-columns:1fr;gap:0}.drawings{gap:.75rem .5rem}.drawing.small{flex-basis:calc(50% - .25rem)}
dd{margin-bottom:.5rem}}
@media print{nav{display:none}h2{break-after:avoid}figure,tr{break-inside:avoid}}
"""
