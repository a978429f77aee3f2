"""The look: the notebook's own colours and letters, with values of ours where it has none."""

from __future__ import annotations

from fasti._picture import COLOURS

_RULES = """
.fasti { font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: 13px;
  color: var(--jp-ui-font-color1, #1d2733); max-width: 1080px; padding: 4px 0 8px; }
.fasti .widget-html, .fasti .widget-html-content { line-height: 1.45; height: auto; margin: 0;
  overflow: visible; }
.fasti-title { font-size: 15px; font-weight: 600; padding: 2px 0 6px; }
.fasti-title small, .fasti-quiet { font-weight: 400; font-size: 13px;
  color: var(--jp-ui-font-color2, #5b6675); }
.fasti-quiet { padding: 10px 2px; }
.fasti-error { background: #fdecea; color: #7d1f17; border-left: 3px solid #d9534f;
  padding: 6px 10px; margin: 6px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.fasti-filters { align-items: center; gap: 8px; padding: 2px 0 8px; flex-wrap: wrap; }
.fasti-filters .widget-text label { width: auto; margin-right: 6px; }
.fasti .jupyter-button { margin: 0; border-radius: 4px; }
.fasti-table { overflow-x: auto; border-top: 1px solid var(--jp-border-color2, #e0e0e0); }
.fasti-line { align-items: center; gap: 8px; min-width: 840px;
  padding: 0 4px 0 0; overflow: visible;
  justify-content: space-between;
  border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
.fasti-line.fasti-current { background: var(--jp-layout-color2, #eef2f7); }
.fasti-row { display: grid; align-items: center; height: 32px; column-gap: 10px;
  grid-template-columns: 52px 76px 134px 84px 96px 82px 82px 72px;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.fasti-row > :nth-child(1), .fasti-row > :nth-child(6) { text-align: right; }
.fasti-head { color: var(--jp-ui-font-color2, #5b6675); height: 28px; font-size: 12px; }
.fasti-status { display: inline-block; border-radius: 9px; padding: 0 9px; line-height: 19px;
  font-size: 12px; color: #1d2733; background: #e8e8e8; }
.fasti-pager { align-items: center; gap: 8px; padding: 6px 0; }
.fasti-preview { border: 1px solid var(--jp-border-color2, #e0e0e0); border-radius: 6px;
  padding: 8px 12px 10px; margin-top: 6px; }
.fasti-bar { align-items: center; gap: 10px; justify-content: space-between; flex-wrap: wrap; }
.fasti-choices { gap: 14px; padding: 2px 0; }
.fasti-choices .widget-dropdown { margin: 0; }
.fasti-choices .widget-dropdown label { width: auto; margin-right: 6px; }
.fasti-graph { overflow: auto; max-height: 380px; padding: 4px 0; flex: 0 0 auto; }
.fasti-boxes { position: relative; flex: 0 0 auto; }
.fasti-boxes .widget-html, .fasti-boxes .widget-html-content { height: 100%; }
.fasti-boxes svg { display: block; }
.fasti-boxes .jupyter-button { border: 1px solid #7a8699; border-radius: 6px; color: #1d2733;
  background: #eef2f7; line-height: 30px; height: 34px; padding: 0 10px; box-shadow: none;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.fasti-boxes .jupyter-button.fasti-chosen { border: 2px solid #1f5fa8; font-weight: 600; }
.fasti-facts { padding: 6px 0 4px; }
.fasti-facts b { font-weight: 600; margin-right: 8px; }
.fasti-facts .fasti-quiet { margin-left: 10px; padding: 0; }
.fasti-log { display: flex; flex-direction: column-reverse; max-height: 320px; overflow: auto;
  background: var(--jp-layout-color1, #fff); }
.fasti-log pre { flex: 0 0 auto; margin: 0; padding: 4px 2px; font-size: 12px; line-height: 1.45;
  font-family: var(--jp-code-font-family, monospace); white-space: pre-wrap;
  overflow-wrap: anywhere; color: inherit; background: none; }
.fasti-charts { display: flex; flex-wrap: wrap; gap: 20px; padding: 4px 0; }
.fasti-charts svg text { fill: var(--jp-ui-font-color2, #5b6675); font-size: 11px; }
.fasti-charts svg .title { fill: var(--jp-ui-font-color1, #1d2733); font-size: 12px; }
.fasti-charts svg .grid { stroke: var(--jp-border-color2, #e0e0e0); }
.fasti-charts svg .line { fill: none; stroke: #2b6cb0; stroke-width: 1.6; }
.fasti-charts svg .area { fill: #2b6cb0; opacity: 0.12; }
.fasti-values { overflow: auto; max-height: 340px; }
.fasti-values table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.fasti-values th, .fasti-values td { padding: 3px 10px; text-align: left;
  border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
"""


def html() -> str:
    """Return the style element, with a rule for each status."""
    rules = [_RULES]
    for status, colour in COLOURS.items():
        rules.append(
            f".fasti-s-{status}, .fasti-boxes .jupyter-button.fasti-s-{status} "
            f"{{ background: {colour}; }}"
        )
    return f"<style>{''.join(rules)}</style>"
