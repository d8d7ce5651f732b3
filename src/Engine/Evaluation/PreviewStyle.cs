namespace FineTuneTool.Engine.Evaluation;

/// <summary>What the page of rows adds to the look of the report: tokens with their ids beneath, and the bar of a row.</summary>
internal static class PreviewStyle
{
    public const string Css = """
        :root { --learnt: #d9eafa; --special: #8250a8; }
        @media (prefers-color-scheme: dark) { :root { --learnt: #17374f; --special: #c9a2e8; } }
        .bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1.1rem; margin: 1.5rem 0 0; padding: 0.6rem 0; background: var(--paper); border-bottom: 1px solid var(--line); }
        .bar label { margin-left: auto; cursor: pointer; }
        .bar input { accent-color: var(--accent); margin: 0 0.15rem 0 0; vertical-align: -0.1em; }
        .row h2 { margin: 2.25rem 0 0; }
        .row > p { margin: 0 0 0.6rem; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
        .strip { height: 0.65rem; border-radius: 0.2rem; }
        .strip .free { fill: var(--panel); }
        .strip .room { fill: var(--paper); }
        .strip .read { fill: var(--soft); }
        .strip .learnt { fill: var(--accent); }
        article { margin: 1.1rem 0 0; padding: 0 0 0 0.9rem; border-left: 3px solid var(--line); }
        article h3 { margin: 0 0 0.4rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        article h3 b { color: var(--ink); font-weight: 550; }
        article h3 span { margin-left: 0.5rem; }
        .tokens { margin: 0; line-height: 1.3; }
        .t { display: inline-flex; flex-direction: column; max-width: 100%; margin: 0 1px 4px 0; padding: 0 3px 2px; vertical-align: top; border-radius: 3px; background: var(--panel); }
        .t bdi { line-height: 1.4rem; text-align: left; white-space: break-spaces; overflow-wrap: anywhere; tab-size: 4; }
        .t small { color: var(--muted); font-size: 0.62rem; line-height: 1.25; font-variant-numeric: tabular-nums; user-select: none; -webkit-user-select: none; }
        .t i { position: relative; font-style: normal; }
        .t i::before { content: "·"; position: absolute; left: 0; right: 0; text-align: center; color: var(--muted); opacity: 0.65; }
        .t u { color: var(--muted); text-decoration: none; opacity: 0.8; }
        .t kbd { font: 0.72em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; padding: 0 0.25em; border: 1px solid var(--warn); border-radius: 3px; color: var(--warn); }
        .l { background: var(--learnt); box-shadow: inset 0 -2px var(--accent); }
        .s bdi { color: var(--special); font: 0.86em/1.4rem ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
        body:has(#ids:not(:checked)) .t small { display: none; }
        .legend .t { margin: 0; }
        @media (max-width: 40rem) { .tiles { grid-template-columns: 1fr 1fr; } .tile { padding: 0.7rem 0.9rem; } .tile .value { font-size: 1.4rem; } }
        """;
}
